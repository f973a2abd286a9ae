import { describe, expect, it } from "vitest";
import type { Kernel, KernelGraph } from "../src/ir/kernel-graph.js";
import type { TensorGraph } from "../src/ir/tensor-graph.js";
import { verify } from "../src/ir/verify.js";
import { runPass, tensorGraph } from "../test/support/tensor-graph.js";
import { deriveBackward } from "./derive-backward.js";
import { formKernels } from "./form-kernels.js";

type Options = NonNullable<Parameters<typeof runPass>[2]>;

const K = { k_axis: 0 };
const form = (graph: TensorGraph, options: Options = {}, codes: string[] = []): KernelGraph => {
  const kernels = runPass(formKernels, graph, options, ({ code }) => codes.push(code));
  expect(verify(kernels)).toEqual([]);
  return kernels;
};
const lines = ({ kernels }: KernelGraph) =>
  kernels.map((k: Kernel) =>
    k.kind === "compute" ? `${k.class}: ${k.nodes.join(" ")}` : `${k.collective}: ${k.name}`,
  );

/** A linear of a residual stream with an all-reduce behind it, `batch` samples of 8. */
const block = (batch: number, attributes: Record<string, number | string> = { group: "tp" }) =>
  tensorGraph({
    data: { x: [batch, 8] },
    parameters: { w: [8, 8], b: [8] },
    activations: { a: [batch, 8], l: [batch, 8], r: [batch, 8], y: [batch, 8] },
    nodes: [
      ["a", "Relu", ["x"]],
      ["l", "kareus::Linear", ["a", "w", "b"], K, { layer: 0 }],
      ["r", "kareus::AllReduce", ["l"], attributes, { layer: 0 }],
      ["y", "Add", ["a", "r"], {}, { layer: 1 }],
    ],
    outputs: ["y"],
  });

describe("form-kernels", () => {
  it("counts a parameter that each sample repeats", () => {
    const graph = tensorGraph({
      data: { x: [4, 6, 8] },
      parameters: { token: [1, 8], w: [8, 8] },
      constants: { sizes: [3] },
      activations: { row: [1, 1, 8], each: [4, 1, 8], all: [4, 7, 8], y: [4, 7, 8] },
      nodes: [
        ["row", "Unsqueeze", ["token"]],
        ["each", "Expand", ["row", "sizes"]],
        ["all", "Concat", ["each", "x"], { axis: 1 }],
        ["y", "kareus::Linear", ["all", "w"], K],
      ],
      outputs: ["y"],
    });
    const parameters = form(graph).kernels.flatMap((kernel) =>
      kernel.kind === "compute" ? kernel.parameters : [],
    );
    const counted = parameters.map(({ name, elements }) => [name, elements]);
    expect(Object.fromEntries(counted)).toEqual({ token: 8, w: 64 });
  });

  it("sums over tokens in the launch that makes the terms, unless others read these", () => {
    const summed = (outputs: readonly string[]) =>
      form(
        tensorGraph({
          data: { x: [64, 8] },
          activations: { p: [64, 8], s: [8] },
          nodes: [
            ["p", "Mul", ["x", "x"]],
            ["s", "ReduceSum", ["p"], { axes: [0], keepdims: 0 }, { origin: "weight-gradient" }],
          ],
          outputs,
        }),
      );
    const together = summed(["s"]);
    expect(lines(together)).toEqual(["other: p s"]);
    const [kernel] = together.kernels;
    expect(kernel?.origin).toBe("weight-gradient");
    // Bfloat16: the data comes in once, eight sums go out; a product and a sum for each element.
    expect(kernel?.kind === "compute" ? kernel.work : null).toMatchObject({
      ...{ bytes_read: 2 * 64 * 8, bytes_written: 2 * 8, flops: 2 * 64 * 8 },
    });
    expect(lines(summed(["s", "p"]))).toEqual(["other: p", "other: s"]);
  });

  it("forms one kernel per launch, with layers, parameters and what each follows", () => {
    const graph = form(block(4), { tp: 2 });
    expect(lines(graph)).toEqual(["activation: a", "linear: l", "all_reduce: r", "other: y"]);
    expect(graph.kernels.map(({ after }) => after)).toEqual([[], [0], [1], [0, 2]]);
    expect(graph.layers).toBe(2);
    expect(graph.kernels[1]).toMatchObject({
      ...{ layer: 0, work: { m: 4, n: 8, k: 8 }, nanobatch: { m: 2 } },
      parameters: [
        { name: "w", elements: 64, size_bytes: 128, expert: false },
        { name: "b", elements: 8, size_bytes: 16, expert: false },
      ],
    });
    expect(graph.kernels[2]).toMatchObject({ size_bytes: 64, nanobatch_size_bytes: 32, ranks: 2 });
  });

  it("has no half of an odd batch, and says so", () => {
    const codes: string[] = [];
    const { kernels } = form(block(3), { tp: 2 }, codes);
    expect(codes).toEqual(["KRS1406"]);
    expect(
      kernels.map((k) => (k.kind === "compute" ? k.nanobatch : k.nanobatch_size_bytes)),
    ).toEqual(kernels.map(() => null));
  });

  it("says how to get an even batch: by the graph's own symbol, or another export", () => {
    const hintOf = (batch_symbol: string | null) => {
      const hints: (string | null)[] = [];
      runPass(formKernels, { ...block(3), batch_symbol }, { tp: 2 }, ({ hint }) =>
        hints.push(hint),
      );
      return hints;
    };
    expect(hintOf("n")).toEqual([expect.stringContaining("--bind n=8")]);
    expect(hintOf(null)).toEqual([expect.stringContaining("kareus_runtime.export --batch 8")]);
  });

  describe("a layer of an encoder", () => {
    const x = [16, 8, 32];
    const encoder = tensorGraph({
      data: { x },
      parameters: { w: [32, 32], up: [32, 128], down: [128, 32], g: [32], c: [32] },
      activations: {
        ...{ l: x, d: x, s: x, n: x, r: x, u: [16, 8, 128], a: [16, 8, 128], o: x, loss: [] },
      },
      nodes: [
        ["l", "kareus::Linear", ["x", "w"], K, { layer: 0 }],
        ["d", "Dropout", ["l"], {}, { layer: 0 }],
        ["s", "Add", ["d", "x"], {}, { layer: 0 }],
        ["n", "LayerNormalization", ["s", "g", "c"], {}, { layer: 0 }],
        ["u", "kareus::Linear", ["n", "up"], K, { layer: 0 }],
        ["a", "Gelu", ["u"], {}, { layer: 0 }],
        ["o", "kareus::Linear", ["a", "down"], K, { layer: 0 }],
        ["r", "Add", ["o", "n"], {}, { layer: 0 }],
        ["loss", "ReduceMean", ["r"]],
      ],
      outputs: ["loss"],
    });
    const run = (execution: "compiled" | "eager") => {
      const graph = form(runPass(deriveBackward, encoder), { execution });
      return graph.kernels.flatMap((k) => (k.kind === "compute" && k.layer === 0 ? [k] : []));
    };
    const named = (kernels: readonly Kernel[]) => kernels.map(({ nodes }) => nodes.join(" "));
    const elements = 16 * 8 * 32;

    it("compiled: dropout, residual and norm are one kernel, backward and forward", () => {
      const kernels = run("compiled");
      expect(named(kernels)).toContain("d s n");
      const [norm] = kernels.filter(({ nodes }) => nodes.includes("n"));
      // Two operands come in; the sum, the norm and a byte of mask for each element go out.
      expect(norm).toMatchObject({ class: "norm", work: { bytes_written: 5 * elements } });
      const backward = kernels.filter(({ nodes }) => nodes.includes("n/dgrad"));
      expect(named(backward)).toEqual(["n/dgrad d/dgrad"]);
      expect(backward[0]?.name).toBe("n/grad_sum");
      // Two gradients, what the norm saw, the mask and two parameters come in.
      expect(backward[0]?.work).toMatchObject({ bytes_read: 7 * elements + 2 * 2 * 32 });
    });

    it("eager: each operator is a kernel, norms backward are two", () => {
      const names = named(run("eager"));
      for (const name of ["d", "s", "n", "a", "n/grad_sum", "n/dgrad", "n/dgrad/parameters"]) {
        expect(names).toContain(name);
      }
    });
  });

  it("starts another kernel for a second norm", () => {
    const graph = tensorGraph({
      data: { x: [8, 32] },
      parameters: { g: [32] },
      activations: { a: [8, 32], s: [8, 32], b: [8, 32] },
      nodes: [
        ["a", "LayerNormalization", ["x", "g"]],
        ["s", "Add", ["a", "x"]],
        ["b", "LayerNormalization", ["s", "g"]],
      ],
      outputs: ["b"],
    });
    expect(lines(form(graph))).toEqual(["norm: a s", "norm: b"]);
  });

  it("adds gradients up one by one in eager execution, all at once compiled", () => {
    const graph = tensorGraph({
      data: { x: [8, 32] },
      parameters: { p: [32, 32], q: [32, 32], k: [32, 32], v: [32, 32] },
      activations: { y: [8, 32], a: [8, 32], b: [8, 32], c: [8, 32], s: [8, 32] },
      nodes: [
        ["y", "kareus::Linear", ["x", "p"], K, { layer: 0 }],
        ["a", "kareus::Linear", ["y", "q"], K, { layer: 0 }],
        ["b", "kareus::Linear", ["y", "k"], K, { layer: 0 }],
        ["c", "kareus::Linear", ["y", "v"], K, { layer: 0 }],
        ["s", "Sum", ["a", "b", "c"], {}, { layer: 0 }],
      ],
      outputs: ["s"],
    });
    const sums = (execution: "compiled" | "eager") =>
      form(runPass(deriveBackward, graph), { execution }).kernels.flatMap((k) =>
        k.kind === "compute" && k.name.startsWith("y/grad_sum") ? [k.work] : [],
      );
    const size = 2 * 8 * 32;
    expect(sums("compiled")).toMatchObject([{ bytes_read: 3 * size, bytes_written: size }]);
    const one = { bytes_read: 2 * size, bytes_written: size };
    expect(sums("eager")).toMatchObject([one, one]);
  });

  it("has no half where nothing comes with the batch", () => {
    const graph = tensorGraph({
      data: { x: [] },
      activations: { y: [] },
      nodes: [["y", "Tanh", ["x"]]],
      outputs: ["y"],
    });
    expect(form(graph).kernels[0]).toMatchObject({ nanobatch: null });
  });

  it("names kernels apart: input, weight and bias gradient of one linear", () => {
    const graph = form(runPass(deriveBackward, block(4)), { tp: 2 });
    const names = graph.kernels.filter((k) => k.direction === "backward").map((k) => k.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(["l/wgrad", "l/wgrad#2"]);
  });

  it("takes ranks from the graph, else from the degree, and refuses a contradiction", () => {
    const ranks = (graph: KernelGraph) => graph.kernels.map((k) => "ranks" in k && k.ranks)[2];
    const stated = { group: "tp", group_size: 4 };
    expect(ranks(form(block(4, stated)))).toBe(4);
    expect(ranks(form(block(4), { tp: 8 }))).toBe(8);
    expect(() => form(block(4, stated), { tp: 8 })).toThrow(/KRS14\d\d/);
    const codes: string[] = [];
    expect(ranks(form(block(4), {}, codes))).toBe(1);
    expect(codes).toHaveLength(1);
  });

  it("refuses a graph without anything to compute", () => {
    const graph = tensorGraph({ data: { x: [4] }, activations: {}, nodes: [], outputs: ["x"] });
    expect(() => form(graph)).toThrow(/KRS1407/);
  });
});
