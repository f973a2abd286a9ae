import { describe, expect, it } from "vitest";
import { nodeLines, runPass, tensorGraph } from "../test/support/tensor-graph.js";
import { recognizeRope } from "./recognize-rope.js";

type Node = Parameters<typeof tensorGraph>[0]["nodes"][number];

const FULL = [2, 4, 16, 8];
const HALF = [2, 4, 16, 4];
const ROTATION: Node[] = [
  ["negated", "Neg", ["high"]],
  ["turned", "Concat", ["negated", "low"], { axis: -1 }],
  ["by_cos", "Mul", ["x", "cos"]],
  ["by_sin", "Mul", ["turned", "sin"]],
  ["y", "Add", ["by_cos", "by_sin"]],
];
const SLICES: Node[] = [
  ["low", "Slice", ["x", "zero", "half"]],
  ["high", "Slice", ["x", "half", "end"]],
];
const SPLIT: Node[] = [["halves", "Split", ["x"], { axis: -1 }, { outputs: ["low", "high"] }]];

const rope = (halves: Node[], more: Node[] = [], outputs: string[] = []) =>
  tensorGraph({
    data: { x: FULL },
    constants: { cos: [16, 8], sin: [16, 8], zero: [1], half: [1], end: [1] },
    activations: {
      ...{ low: HALF, high: HALF, negated: HALF, other: HALF },
      ...{ turned: FULL, by_cos: FULL, by_sin: FULL, y: FULL },
    },
    nodes: [...halves, ...ROTATION, ...more],
    outputs: ["y", ...outputs],
  });

describe("recognize-rope", () => {
  it("finds the rotation over two slices", () => {
    const found = runPass(recognizeRope, rope(SLICES));
    expect(nodeLines(found)).toEqual(["y RotaryEmbedding(x cos sin)"]);
    expect(found.nodes[0]?.covers).toHaveLength(7);
  });

  it("finds it over the halves of one split, which is covered once", () => {
    const found = runPass(recognizeRope, rope(SPLIT));
    expect(nodeLines(found)).toEqual(["y RotaryEmbedding(x cos sin)"]);
    expect(found.nodes[0]?.covers).toEqual([
      ...["halves", "negated", "turned", "by_sin", "by_cos", "y"],
    ]);
  });

  it.each(["low", "high", "negated"])("leaves a rotation whose %s is read elsewhere", (name) => {
    const read = rope(name === "low" ? SPLIT : SLICES, [["other", "Relu", [name]]]);
    expect(runPass(recognizeRope, read)).toBe(read);
    const output = rope(SLICES, [], [name]);
    expect(runPass(recognizeRope, output)).toBe(output);
  });

  it("leaves halves of different tensors", () => {
    const graph = rope([
      ["low", "Slice", ["x", "zero", "half"]],
      ["high", "Slice", ["cos", "half", "end"]],
    ]);
    expect(runPass(recognizeRope, graph)).toBe(graph);
  });

  it("finds the backward of a trace: halves change places in zeros", () => {
    const graph = tensorGraph({
      data: { dy: FULL },
      constants: { cos: [16, 8], sin: [16, 8], zero: [1], half: [1], end: [1], pads: [8] },
      activations: {
        ...{ by_sin: FULL, by_cos: FULL, first: FULL, second: FULL, both: FULL, dx: FULL },
        ...{ low: HALF, high: HALF, negated: HALF },
      },
      nodes: [
        ["by_sin", "Mul", ["dy", "sin"]],
        ["low", "Slice", ["by_sin", "zero", "half"]],
        ["high", "Slice", ["by_sin", "half", "end"]],
        ["first", "Pad", ["high", "pads"]],
        ["negated", "Neg", ["low"]],
        ["second", "Pad", ["negated", "pads"]],
        ["both", "Add", ["first", "second"]],
        ["by_cos", "Mul", ["dy", "cos"]],
        ["dx", "Add", ["both", "by_cos"]],
      ],
      outputs: ["dx"],
    });
    const found = runPass(recognizeRope, graph);
    expect(nodeLines(found)).toEqual(["dx RotaryEmbedding(dy cos sin)"]);
    expect(found.nodes[0]?.covers).toHaveLength(9);
  });
});
