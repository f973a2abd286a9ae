import { describe, expect, it } from "vitest";
import { verify } from "../src/ir/verify.js";
import { nodeLines, runPass, tensorGraph } from "../test/support/tensor-graph.js";
import { splitTransposes } from "./split-transposes.js";

/** q [b, h, t, d] times keys that come as [b, t, h, d] and are turned in one go. */
const scores = (perm: readonly number[], keys: readonly number[], turned: readonly number[]) =>
  tensorGraph({
    data: { q: [2, 4, 16, 8], k: keys },
    activations: { kt: turned, y: [2, 4, 16, 16] },
    nodes: [
      ["kt", "Transpose", ["k"], { perm }],
      ["y", "MatMul", ["q", "kt"]],
    ],
    outputs: ["y"],
  });

describe("split-transposes", () => {
  it("splits into moving the heads and turning the keys", () => {
    const split = runPass(splitTransposes, scores([0, 2, 3, 1], [2, 16, 4, 8], [2, 4, 8, 16]));
    expect(nodeLines(split)).toEqual([
      "kt Transpose(k)",
      "kt/turn Transpose(kt/heads)",
      "y MatMul(q kt)",
    ]);
    expect(split.nodes.slice(0, 2).map(({ attributes }) => attributes.perm)).toEqual([
      [0, 2, 1, 3],
      [0, 1, 3, 2],
    ]);
    expect(split.tensors.get("kt/heads")?.shape).toEqual([2, 4, 16, 8]);
    expect(split.nodes.flatMap(({ covers }) => covers)).toEqual(["kt", "y"]);
    expect(verify(split)).toEqual([]);
  });

  it("leaves a pure exchange of the last two axes", () => {
    const graph = scores([0, 1, 3, 2], [2, 4, 16, 8], [2, 4, 8, 16]);
    expect(runPass(splitTransposes, graph)).toBe(graph);
  });

  it("leaves a transpose that others read too, or that is the left operand", () => {
    const graph = tensorGraph({
      data: { q: [2, 4, 16, 8], k: [2, 16, 4, 8] },
      activations: { kt: [2, 4, 8, 16], y: [2, 4, 16, 16], z: [2, 4, 8, 16], l: [2, 4, 8, 8] },
      nodes: [
        ["kt", "Transpose", ["k"], { perm: [0, 2, 3, 1] }],
        ["y", "MatMul", ["q", "kt"]],
        ["z", "Relu", ["kt"]],
        ["l", "MatMul", ["kt", "q"]],
      ],
      outputs: ["y", "z", "l"],
    });
    expect(runPass(splitTransposes, graph)).toBe(graph);
  });
});
