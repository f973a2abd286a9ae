import { describe, expect, it } from "vitest";
import type { Kernel, KernelGraph } from "../src/ir/kernel-graph.js";
import { verify } from "../src/ir/verify.js";
import { kernelGraph, linear } from "../test/support/kernel-graph.js";
import { runPass } from "../test/support/tensor-graph.js";
import { assignStages } from "./assign-stages.js";

const back = (name: string, layer: number | null) =>
  linear(name, 8, { direction: "backward", layer });
const reads = (...names: string[]) => ({
  parameters: names.map((name) => ({ name, elements: 10, size_bytes: 20, expert: false })),
});

/** embed, four layers, head; and back. Each layer holds a weight, the embedding is the head's too. */
const MODEL = kernelGraph([
  linear("embed", 8, reads("table")),
  ...[0, 1, 2, 3].map((i) => linear(`f${i}`, 8, { layer: i, ...reads(`w${i}`) })),
  linear("head", 8, reads("table")),
  back("head/dgrad", null),
  ...[3, 2, 1, 0].map((i) => linear(`b${i}`, 8, { ...back("", i), name: `b${i}` })),
  back("embed/wgrad", null),
]);

const stages = (graph: KernelGraph) =>
  Object.fromEntries(graph.kernels.map(({ name, stage }) => [name, stage]));
const assign = (graph: KernelGraph, pp: number, time: (kernel: Kernel) => number = () => 1) =>
  runPass(
    {
      ...assignStages,
      run: (g, context) => assignStages.run(g, { ...context, kernelTime: time }),
    },
    graph,
    { pp },
  );

describe("assign-stages", () => {
  it("gives what comes before the layers to the first stage, what comes after to the last", () => {
    const graph = assign(MODEL, 2);
    expect(verify(graph)).toEqual([]);
    expect(stages(graph)).toEqual({
      ...{ embed: 0, f0: 0, f1: 0, f2: 1, f3: 1, head: 1 },
      ...{ "head/dgrad": 1, b3: 1, b2: 1, b1: 0, b0: 0, "embed/wgrad": 0 },
    });
  });

  it("counts each parameter once per stage that reads it", () => {
    const elements = (graph: KernelGraph) => graph.parameters.map(({ dense }) => dense.elements);
    expect(elements(assign(MODEL, 2))).toEqual([30, 30]);
    expect(elements(assign(MODEL, 1))).toEqual([50]);
  });

  it("moves layers away from a slow head", () => {
    const slow = assign(MODEL, 2, ({ name }) => (name.startsWith("head") ? 2 : 1));
    expect(stages(slow)).toMatchObject({ f2: 0, f3: 1 });
  });

  it("gives work between layers to the stage of the layer it follows", () => {
    const between = kernelGraph([
      linear("f0", 8, { layer: 0 }),
      linear("bridge", 8),
      linear("f1", 8, { layer: 1 }),
    ]);
    expect(stages(assign(between, 2))).toEqual({ f0: 0, bridge: 0, f1: 1 });
  });

  it("refuses more stages than layers, and takes one stage without layers", () => {
    expect(() => assign(MODEL, 5)).toThrow(/KRS14\d\d/);
    const plain = kernelGraph([linear("a", 8), back("a/dgrad", null)]);
    expect(stages(assign(plain, 1))).toEqual({ a: 0, "a/dgrad": 0 });
  });
});
