import { describe, expect, it } from "vitest";
import { nodeLines, runPass, tensorGraph } from "../test/support/tensor-graph.js";
import { mergeSlices } from "./merge-slices.js";

/** Slices of a tensor of 12 columns; what else reads it. */
const sliced = (columns: readonly number[], more: readonly string[] = []) =>
  tensorGraph({
    data: { x: [4, 12] },
    activations: {
      ...Object.fromEntries(columns.map((size, i) => [`s${i}`, [4, size]])),
      ...Object.fromEntries(more.map((name) => [name, [4, 12]])),
      y: [4, 12],
    },
    nodes: [
      ["y", "Relu", ["x"]],
      ...columns.map((_, i) => [`s${i}`, "Slice", ["y"]] as const),
      ...more.map((name) => [name, "Relu", ["y"]] as const),
    ],
    outputs: more,
  });

describe("merge-slices", () => {
  it("makes one split of slices that together are the whole", () => {
    const merged = runPass(mergeSlices, sliced([6, 3, 3]));
    expect(nodeLines(merged)).toEqual(["y Relu(x)", "s0 Split(y)"]);
    expect(merged.nodes[1]).toMatchObject({
      ...{ outputs: ["s0", "s1", "s2"], attributes: { axis: 1 }, covers: ["s0", "s1", "s2"] },
    });
  });

  it("keeps slices that leave something out, lie within another, or have company", () => {
    for (const graph of [sliced([6, 3]), sliced([12]), sliced([6, 6], ["z"])]) {
      expect(runPass(mergeSlices, graph)).toBe(graph);
    }
  });
});
