import { describe, expect, it } from "vitest";
import { growth } from "../test/support/growth.js";
import { nodeLines, runPass, tensorGraph } from "../test/support/tensor-graph.js";
import { dropNoOps } from "./drop-no-ops.js";

describe("drop-no-ops", () => {
  it("takes out transposes that turn nothing, and keeps those that do", () => {
    const graph = tensorGraph({
      data: { x: [4, 4] },
      activations: { same: [4, 4], turned: [4, 4], y: [4, 4] },
      nodes: [
        ["same", "Transpose", ["x"], { perm: [0, 1] }],
        ["turned", "Transpose", ["same"], { perm: [1, 0] }],
        ["y", "Transpose", ["turned"]],
      ],
      outputs: ["y"],
    });
    expect(nodeLines(runPass(dropNoOps, graph))).toEqual([
      "turned Transpose(x)",
      "y Transpose(turned)",
    ]);
  });

  it("takes out casts between floating types, waits, identities and reshapes to the same shape", () => {
    const graph = tensorGraph({
      data: { x: [4, 8] },
      constants: { shape: [2] },
      activations: { cast: [4, 8], same: [4, 8], wait: [4, 8], y: [4, 8] },
      dtypes: { cast: "float32" },
      nodes: [
        ["cast", "Cast", ["x"], { to: 1 }],
        ["same", "Reshape", ["cast", "shape"]],
        ["wait", "kareus::Wait", ["same"]],
        ["y", "Relu", ["wait"]],
      ],
      outputs: ["y"],
    });
    expect(nodeLines(runPass(dropNoOps, graph))).toEqual(["y Relu(x)"]);
  });

  it("writes what is only read narrowed in the narrow type", () => {
    const narrowedIf = (others: readonly string[]) => {
      const graph = tensorGraph({
        data: { x: [4, 8] },
        activations: { wide: [4, 8], cast: [4, 8], y: [4, 8], z: [4, 8] },
        dtypes: { wide: "float32" },
        nodes: [
          ["wide", "Exp", ["x"]],
          ["cast", "Cast", ["wide"], { to: 16 }],
          ["y", "Relu", ["cast"]],
          ["z", "Relu", others],
        ],
        outputs: ["y", "z"],
      });
      return runPass(dropNoOps, graph).tensors.get("wide")?.dtype;
    };
    expect(narrowedIf(["x"])).toBe("bfloat16");
    expect(narrowedIf(["wide"])).toBe("float32");
  });

  it("takes out shape queries, whatever they look at", () => {
    const graph = tensorGraph({
      data: { x: [4, 8] },
      constants: { s: [2] },
      activations: { h: [4, 8], y: [8, 4] },
      nodes: [
        ["h", "Relu", ["x"]],
        ["s", "Shape", ["h"]],
        ["y", "Reshape", ["h", "s"]],
      ],
      outputs: ["y"],
    });
    expect(nodeLines(runPass(dropNoOps, graph))).toEqual(["h Relu(x)", "y Reshape(h s)"]);
  });

  it("renames the graph's outputs through a chain", () => {
    const graph = tensorGraph({
      data: { x: [4] },
      activations: { h: [4], a: [4], b: [4] },
      nodes: [
        ["h", "Relu", ["x"]],
        ["a", "Identity", ["h"]],
        ["b", "Identity", ["a"]],
      ],
      outputs: ["b"],
    });
    expect(runPass(dropNoOps, graph).outputs).toEqual(["h"]);
  });

  it("keeps a cast that changes what is stored and a reshape that changes the shape", () => {
    const graph = tensorGraph({
      data: { ids: [4, 8] },
      constants: { shape: [1] },
      activations: { f: [4, 8], y: [32] },
      dtypes: { ids: "int64" },
      nodes: [
        ["f", "Cast", ["ids"], { to: 1 }],
        ["y", "Reshape", ["f", "shape"]],
      ],
      outputs: ["y"],
    });
    expect(runPass(dropNoOps, graph)).toBe(graph);
  });

  it("walks a long chain once, however many read its end", () => {
    expect(runPass(dropNoOps, chain(20_000)).nodes).toHaveLength(20_000);
    const times = growth(20_000, (length) => {
      const graph = chain(length);
      return () => runPass(dropNoOps, graph);
    });
    expect(times).toBeLessThan(12);
  });
});

/** As many nodes that do nothing, in a row, as read the last of them. */
function chain(length: number) {
  const activations: Record<string, number[]> = {};
  const nodes: [string, string, string[]][] = [];
  for (let i = 0; i < length; i++) {
    activations[`i${i}`] = [4];
    nodes.push([`i${i}`, "Identity", [i === 0 ? "x" : `i${i - 1}`]]);
  }
  for (let i = 0; i < length; i++) {
    activations[`r${i}`] = [4];
    nodes.push([`r${i}`, "Relu", [`i${length - 1}`]]);
  }
  return tensorGraph({ data: { x: [4] }, activations, nodes });
}
