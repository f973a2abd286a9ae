import { describe, expect, it } from "vitest";
import { verify } from "../../src/ir/verify.js";
import { nodeLines, tensorGraph } from "../../test/support/tensor-graph.js";
import { freshNames } from "./fresh-names.js";
import { applyFusions, fuse, inDependencyOrder } from "./rewrite.js";

const shape = [2, 4];
const backward = { direction: "backward" } as const;

describe("rewriting", () => {
  it("puts what reads from inside a pattern behind the pattern", () => {
    const graph = tensorGraph({
      data: { x: shape },
      activations: { a: shape, saved: shape, b: shape },
      nodes: [
        ["a", "Mul", ["x", "x"]],
        ["saved", "Neg", ["a"], {}, backward],
        ["b", "Sqrt", ["a"]],
      ],
      outputs: ["b", "saved"],
    });
    const [a, , b] = graph.nodes;
    const fused = applyFusions(graph, a && b ? [fuse("Norm", [a, b], ["x"])] : []);
    expect(nodeLines(fused)).toEqual(["b Norm(x)", "saved Neg(a)"]);
    expect(verify(fused)).toEqual([]);
  });

  it("makes nothing wait for a result that nobody asked for", () => {
    const unasked = { outputs: ["", "b"] };
    const graph = tensorGraph({
      data: { x: shape },
      activations: { a: shape, b: shape },
      nodes: [
        ["a", "Clip", ["x", "", "x"]],
        ["b", "Split", ["a"], {}, unasked],
      ],
      outputs: ["b"],
    });
    expect(inDependencyOrder(graph).nodes).toEqual(graph.nodes);
  });

  it("counts on where a name is taken: a second group's sum of the same node", () => {
    const nodes = ["a", "a/all_reduce"].map((name) => [name, "Neg", ["x"]] as const);
    const activations = { a: shape, "a/all_reduce": shape };
    const fresh = freshNames(tensorGraph({ data: { x: shape }, activations, nodes }));
    expect(["a/all_reduce", "a/all_reduce", "b"].map(fresh)).toEqual([
      "a/all_reduce#2",
      "a/all_reduce#3",
      "b",
    ]);
  });
});
