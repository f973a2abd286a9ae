import { describe, expect, it } from "vitest";
import type { Diagnostic } from "../src/base/diagnostics/diagnostic.js";
import type { Tensor, TensorGraph } from "../src/ir/tensor-graph.js";
import { flopsOf } from "../src/ir/work.js";
import { MIXTURE } from "../test/support/mixture.js";
import { nodeLines, runPass, shapeOf, tensorGraph } from "../test/support/tensor-graph.js";
import { deriveBackward } from "./derive-backward.js";
import { formKernels } from "./form-kernels.js";
import { shardExpertParallel } from "./shard-expert-parallel.js";

const spread = (graph: TensorGraph, ep: number) => runPass(shardExpertParallel, graph, { ep });

describe("shard-expert-parallel", () => {
  it("sends tokens to their experts and brings results back", () => {
    const local = spread(MIXTURE, 2);
    expect(nodeLines(local).slice(4, 12)).toEqual([
      "rows/sent/all_to_all AllToAll(rows)",
      "gate MatMul(rows/sent w1)",
      "up MatMul(rows/sent w3)",
      "act SwiGLU(gate up)",
      "down MatMul(act w2)",
      "out Add(down b)",
      "out/returned/all_to_all AllToAll(out)",
      "flat Reshape(out/returned)",
    ]);
    expect(shapeOf(local, "rows")).toEqual([4, 8, 16]);
    expect(shapeOf(local, "rows/sent")).toEqual([2, 16, 16]);
    expect(shapeOf(local, "out")).toEqual([2, 16, 16]);
    expect(shapeOf(local, "out/returned")).toEqual([4, 8, 16]);
    expect(["w1", "w2", "b", "router"].map((name) => shapeOf(local, name))).toEqual([
      ...[
        [2, 16, 64],
        [2, 64, 16],
        [2, 1, 16],
        [16, 4],
      ],
    ]);
  });

  it("takes heads with weights of their own for no experts", () => {
    const heads = tensorGraph({
      data: { x: [2, 8, 32] },
      parameters: { w: [32, 32], places: [4, 8, 16] },
      activations: { q: [2, 8, 32], own: [2, 8, 4, 8], turned: [2, 4, 8, 8], y: [2, 4, 8, 16] },
      nodes: [
        ["q", "kareus::Linear", ["x", "w"], { k_axis: 0 }],
        ["own", "Reshape", ["q"]],
        ["turned", "Transpose", ["own"], { perm: [0, 2, 1, 3] }],
        ["y", "MatMul", ["turned", "places"]],
      ],
      outputs: ["y"],
    });
    expect(() => spread(heads, 2)).toThrow("KRS1424");
  });

  it("plans the rank that has the busiest expert", () => {
    const busy = (ep: number) => runPass(shardExpertParallel, MIXTURE, { ep, expert_load: 2 });
    // Four experts of 8 tokens: one gets 16, the others two thirds of 8.
    expect(shapeOf(busy(2), "rows/sent")).toEqual([2, 2 * 12, 16]);
    expect(shapeOf(busy(4), "rows/sent")).toEqual([1, 4 * 16, 16]);
    expect(shapeOf(busy(2), "out/returned")).toEqual([4, 8, 16]);
    expect(busy(1)).toBe(MIXTURE);
  });

  /** Experts as transformers' grouped product: rows of all behind each other between the products. */
  const GROUPED = tensorGraph({
    data: { x: [32, 16] },
    parameters: { w1: [4, 16, 64], b1: [4, 64], w2: [4, 64, 16] },
    activations: {
      ...{ t: [32, 16], ids: [32, 1], sorted: [32, 16], rows: [4, 8, 16], up: [4, 8, 64] },
      ...{ flat: [32, 64], bias: [32, 64], biased: [32, 64], act: [32, 64], back: [4, 8, 64] },
      ...{ down: [4, 8, 16], out: [32, 16], y: [32, 16] },
    },
    nodes: [
      ["t", "Relu", ["x"]],
      ["ids", "NonZero", ["t"]],
      ["sorted", "GatherND", ["t", "ids"]],
      ["rows", "Reshape", ["sorted"]],
      ["up", "MatMul", ["rows", "w1"]],
      ["flat", "Reshape", ["up"]],
      ["bias", "GatherND", ["b1", "ids"]],
      ["biased", "Add", ["flat", "bias"]],
      ["act", "Relu", ["biased"]],
      ["back", "Reshape", ["act"]],
      ["down", "MatMul", ["back", "w2"]],
      ["out", "Reshape", ["down"]],
      ["y", "Add", ["out", "t"]],
    ],
    outputs: ["y"],
  });

  it("sends tokens once where experts' rows lie behind each other between products", () => {
    const local = spread(GROUPED, 2);
    expect(nodeLines(local).filter((line) => line.includes("AllToAll"))).toEqual([
      "rows/sent/all_to_all AllToAll(rows)",
      "down/returned/all_to_all AllToAll(down)",
    ]);
    expect(nodeLines(local).at(-2)).toBe("out Reshape(down/returned)");
    expect(shapeOf(local, "up")).toEqual([2, 16, 64]);
    expect(shapeOf(local, "act")).toEqual([32, 64]);
    expect(shapeOf(local, "w2")).toEqual([2, 64, 16]);
    // Every rank keeps the table from which rows are picked.
    expect(shapeOf(local, "b1")).toEqual([4, 64]);
    const busy = runPass(shardExpertParallel, GROUPED, { ep: 4, expert_load: 2 });
    expect(["up", "biased", "bias", "act", "back", "out"].map((n) => shapeOf(busy, n))).toEqual([
      ...[
        [1, 64, 64],
        [64, 64],
        [64, 64],
        [64, 64],
        [1, 64, 64],
        [32, 16],
      ],
    ]);
  });

  it("takes a load where one rank has all experts", () => {
    expect(runPass(shardExpertParallel, MIXTURE, { ep: 1, expert_load: 2 })).toBe(MIXTURE);
  });

  it("takes no expert as busier than another where slots are fixed", () => {
    const slots = MIXTURE.nodes.map((node) =>
      node.name === "rows" ? { ...node, op: "ScatterND", inputs: ["t", "ids", "t"] } : node,
    );
    const said: Diagnostic[] = [];
    const options = { ep: 4, expert_load: 2 };
    const local = runPass(
      shardExpertParallel,
      { ...MIXTURE, nodes: slots },
      options,
      (diagnostic) => said.push(diagnostic),
    );
    expect(shapeOf(local, "rows/sent")).toEqual([1, 32, 16]);
    expect(said.map(({ code, message }) => [code, message])).toEqual([
      ["KRS1426", expect.stringContaining("fixed number of slots")],
    ]);
  });

  it("keeps the work of a rank, holds fewer experts, and mirrors the exchange backward", () => {
    const kernels = (ep: number) =>
      runPass(formKernels, runPass(deriveBackward, spread(MIXTURE, ep), { ep }), { ep }).kernels;
    const [one, two] = [kernels(1), kernels(2)];
    const flops = (of: typeof one) =>
      of.reduce(
        (sum, k) => sum + (k.kind === "compute" && k.class === "linear" ? flopsOf(k.work) : 0),
        0,
      );
    expect(flops(two)).toBe(flops(one));
    const exchanges = two.filter((k) => k.kind === "communication");
    // Bfloat16 rows of 16: 4 experts x 8 tokens, there and back, twice.
    expect(exchanges.map((k) => [k.direction, k.collective, k.ranks, k.size_bytes])).toEqual([
      ...["forward", "forward", "backward", "backward"].map((d) => [d, "all_to_all", 2, 1024]),
    ]);
    const experts = new Set(
      two
        .flatMap((k) => (k.kind === "compute" ? k.parameters : []))
        .filter((p) => p.expert)
        .map(({ name }) => name),
    );
    expect([...experts].sort()).toEqual(["b", "w1", "w2", "w3"]);
    expect(one.some((k) => k.kind === "compute" && k.parameters.some((p) => p.expert))).toBe(false);
  });

  /** Two experts written one after the other, each on the rows that were routed to it. */
  const LISTED = tensorGraph({
    data: { x: [32, 16] },
    parameters: {
      ...{ u0: [16, 64], u1: [16, 64], d0: [16, 64], d1: [16, 64], b0: [16], b1: [16] },
    },
    activations: {
      ...{ t: [32, 16], m0: [32], m1: [32], at0: [1, 16], at1: [1, 16], i0: [16], i1: [16] },
      ...{ g0: [16, 16], g1: [16, 16], h0: [16, 64], h1: [16, 64], r0: [16, 64], r1: [16, 64] },
      ...{ y0: [16, 16], y1: [16, 16], z0: [32, 16], z1: [32, 16], z: [32, 16] },
    },
    nodes: [
      ["t", "Relu", ["x"]],
      ...[0, 1].flatMap((e) => [
        [`m${e}`, "Equal", ["x", "x"]] as const,
        [`at${e}`, "NonZero", [`m${e}`]] as const,
        [`i${e}`, "Squeeze", [`at${e}`]] as const,
        [`g${e}`, "Gather", ["t", `i${e}`]] as const,
        [`h${e}`, "kareus::Linear", [`g${e}`, `u${e}`], { k_axis: 0 }] as const,
        [`r${e}`, "Relu", [`h${e}`]] as const,
        [`y${e}`, "kareus::Linear", [`r${e}`, `d${e}`, `b${e}`], { k_axis: 1 }] as const,
        [`z${e}`, "ScatterElements", ["t", `i${e}`, `y${e}`]] as const,
      ]),
      ["z", "Add", ["z0", "z1"]],
    ],
    outputs: ["z"],
  });

  it("batches experts that are written one after the other, then spreads them", () => {
    const local = spread(LISTED, 2);
    const lines = nodeLines(local).filter((line) => !/^(t|[mi]\d|at\d) /.test(line));
    expect(lines).toEqual([
      "g0 Gather(t i0)",
      "g1 Gather(t i1)",
      "g0/joined Concat(g0 g1)",
      "g0/experts Reshape(g0/joined)",
      "g0/experts/sent/all_to_all AllToAll(g0/experts)",
      "h0/experts MatMul(g0/experts/sent u0/experts)",
      "r0/experts Relu(h0/experts)",
      "y0/experts MatMul(r0/experts d0/experts)",
      "y0/experts/bias Add(y0/experts/product b0/experts)",
      "y0/experts/returned/all_to_all AllToAll(y0/experts)",
      "y0/experts/split Split(y0/experts/returned)",
      "y0/row Reshape(y0/part)",
      "z0 ScatterElements(t i0 y0)",
      "y1/row Reshape(y1/part)",
      "z1 ScatterElements(t i1 y1)",
      "z Add(z0 z1)",
    ]);
    expect(["u0/experts", "d0/experts", "b0/experts"].map((name) => shapeOf(local, name))).toEqual([
      ...[
        [1, 16, 64],
        [1, 64, 16],
        [1, 1, 16],
      ],
    ]);
    // Half of the experts, the rows of both ranks for it.
    expect(shapeOf(local, "h0/experts")).toEqual([1, 32, 64]);
    expect(shapeOf(local, "y1")).toEqual([16, 16]);
  });

  it("batches experts whose rows are picked by GatherND as well", () => {
    const nodes = LISTED.nodes.flatMap((node) => {
      if (!/^g\d$/.test(node.name)) return [node];
      const [rows = "", places = ""] = node.inputs;
      const column = { ...node, name: `${places}/column`, op: "Unsqueeze", inputs: [places] };
      const index = { ...column, name: `${places}/index`, op: "Concat", inputs: [column.name] };
      return [
        { ...column, outputs: [column.name] },
        { ...index, outputs: [index.name] },
        { ...node, op: "GatherND", inputs: [rows, index.name] },
      ];
    });
    const tensors = new Map(LISTED.tensors);
    for (const name of ["i0/column", "i0/index", "i1/column", "i1/index"]) {
      tensors.set(name, { ...(tensors.get("i0") as Tensor), name, shape: [16, 1] });
    }
    const local = nodeLines(spread({ ...LISTED, nodes, tensors }, 2));
    expect(local).toContain("h0/experts MatMul(g0/experts/sent u0/experts)");
  });

  it("does not batch what only looks alike", () => {
    const other = LISTED.nodes.map((node) => (node.name === "r1" ? { ...node, op: "Tanh" } : node));
    const local = nodeLines(spread({ ...LISTED, nodes: other }, 2));
    expect(local).toContain("r1 Tanh(h1)");
    const sizes = new Map(LISTED.tensors);
    sizes.set("g1", { ...(sizes.get("g0") as Tensor), name: "g1", shape: [8, 16] });
    expect(() => spread({ ...LISTED, tensors: sizes }, 2)).toThrow(/KRS1424/);
  });

  it("keeps one rank and graphs that are spread already as they are", () => {
    expect(spread(MIXTURE, 1)).toBe(MIXTURE);
    const local = spread(MIXTURE, 2);
    expect(spread(local, 2)).toBe(local);
  });

  it("refuses what it cannot spread", () => {
    expect(() => spread(MIXTURE, 3)).toThrow(/KRS1425 by hand: --ep 3 does not divide 4 experts/);
    const dense = { ...MIXTURE, nodes: MIXTURE.nodes.slice(0, 3), outputs: ["t"] };
    expect(() => spread(dense, 2)).toThrow(/KRS1424/);
  });
});
