import { describe, expect, it } from "vitest";
import { nodeLines, runPass, tensorGraph } from "../test/support/tensor-graph.js";
import { recognizeRope } from "./recognize-rope.js";

type Node = Parameters<typeof tensorGraph>[0]["nodes"][number];
type Shape = readonly number[];

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
      ...["halves", "negated", "turned", "by_cos", "by_sin", "y"],
    ]);
  });

  /** a cos - b sin and a sin + b cos. */
  const TURNED: readonly Node[] = [
    ["ac", "Mul", ["a", "cos"]],
    ["bs", "Mul", ["b", "sin"]],
    ["l", "Sub", ["ac", "bs"]],
    ["as", "Mul", ["a", "sin"]],
    ["bc", "Mul", ["b", "cos"]],
    ["r", "Add", ["as", "bc"]],
  ];

  /** Each half, or every other element, for itself: a cos - b sin, a sin + b cos. */
  function apart(from: readonly Node[], join: readonly Node[], part: Shape) {
    return tensorGraph({
      data: { x: FULL },
      constants: { cos: part.slice(-2), sin: part.slice(-2), zero: [1], one: [1], step: [1] },
      activations: {
        pairs: [...part, 2],
        ...Object.fromEntries(["a", "b", "ac", "as", "bc", "bs", "l", "r"].map((n) => [n, part])),
        ...{ l1: [...part, 1], r1: [...part, 1], both: [...part, 2], y: FULL },
      },
      nodes: [...from, ...TURNED, ...join],
      outputs: ["y"],
    });
  }

  it("finds neighbours turned in pairs, and halves turned each for itself", () => {
    const part: Shape = [...FULL.slice(0, -1), (FULL.at(-1) ?? 0) / 2];
    const pairs: Node[] = [
      ["pairs", "Reshape", ["x"]],
      ["a", "Gather", ["pairs", "zero"], { axis: -1 }],
      ["b", "Gather", ["pairs", "one"], { axis: -1 }],
    ];
    const strided: Node[] = [
      ["a", "Slice", ["x", "zero", "step"]],
      ["b", "Slice", ["x", "one", "step"]],
    ];
    const stacked: Node[] = [
      ["l1", "Unsqueeze", ["l", "zero"]],
      ["r1", "Unsqueeze", ["r", "zero"]],
      ["both", "Concat", ["l1", "r1"], { axis: -1 }],
      ["y", "Reshape", ["both"]],
    ];
    const joined: Node[] = [["y", "Concat", ["l", "r"], { axis: -1 }]];
    const found = (from: readonly Node[], join: readonly Node[]) =>
      nodeLines(runPass(recognizeRope, apart(from, join, part)));
    expect(found(strided, joined)).toEqual(["y RotaryEmbedding(x cos sin)"]);
    expect(found(pairs, stacked)).toEqual([
      "pairs Reshape(x)",
      "both RotaryEmbedding(pairs cos sin)",
      "y Reshape(both)",
    ]);
    expect(found(strided, stacked)).toEqual(["y RotaryEmbedding(x cos sin)"]);
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

  it("finds halves that change places under a table with the signs, and none without signs", () => {
    const rolled = (signed: boolean) =>
      tensorGraph({
        data: { x: FULL },
        constants: {
          ...{ cos: [16, 8], half_sin: [16, 4], minus: [16, 4], sin: [16, 8] },
          ...{ zero: [1], half: [1], end: [1] },
        },
        activations: { low: HALF, high: HALF, turned: FULL, by_cos: FULL, by_sin: FULL, y: FULL },
        nodes: [
          ...SLICES,
          ["minus", signed ? "Neg" : "Identity", ["half_sin"]],
          ["sin", "Concat", ["minus", "half_sin"], { axis: -1 }],
          ["turned", "Concat", ["high", "low"], { axis: -1 }],
          ["by_cos", "Mul", ["x", "cos"]],
          ["by_sin", "Mul", ["turned", "sin"]],
          ["y", "Add", ["by_cos", "by_sin"]],
        ],
        outputs: ["y"],
      });
    const last = (signed: boolean) => nodeLines(runPass(recognizeRope, rolled(signed))).at(-1);
    expect(last(true)).toBe("y RotaryEmbedding(x cos sin)");
    expect(last(false)).toBe("y Add(by_cos by_sin)");
  });

  const PART = [2, 4, 16, 2];
  const partial = (rest: string) =>
    tensorGraph({
      data: { x: FULL, z: FULL },
      constants: { cos: [16, 2], sin: [16, 2], zero: [1], one: [1], two: [1] },
      activations: {
        ...Object.fromEntries(["a", "b", "ac", "as", "bc", "bs", "l", "r"].map((n) => [n, PART])),
        ...{ rest: [2, 4, 16, 4], y: FULL },
      },
      nodes: [
        ["a", "Slice", ["x", "zero", "one"]],
        ["b", "Slice", ["x", "one", "two"]],
        ["rest", "Slice", [rest, "two", "two"]],
        ...TURNED,
        ["y", "Concat", ["l", "r", "rest"], { axis: -1 }],
      ],
      outputs: ["y"],
    });

  it("finds one that leaves a part of each head as it is, and none that joins another tensor", () => {
    expect(nodeLines(runPass(recognizeRope, partial("x")))).toEqual([
      "y RotaryEmbedding(x cos sin)",
    ]);
    expect(nodeLines(runPass(recognizeRope, partial("z")))).toHaveLength(10);
  });

  it("takes stored tables that only rotate for constants, and trains what others read too", () => {
    const stored = (more: Node[]) => {
      const graph = tensorGraph({
        data: { x: FULL },
        parameters: { table: [64, 8], sin: [16, 8] },
        constants: { zero: [1], half: [1], end: [1], places: [16, 1] },
        activations: {
          ...{ low: HALF, high: HALF, negated: HALF, cos: [16, 8], extra: [16, 8] },
          ...{ turned: FULL, by_cos: FULL, by_sin: FULL, y: FULL },
        },
        nodes: [["cos", "GatherND", ["table", "places"]], ...SLICES, ...ROTATION, ...more],
        outputs: ["y"],
      });
      const { tensors } = runPass(recognizeRope, graph);
      return ["table", "cos", "sin"].map((name) => tensors.get(name)?.role);
    };
    expect(stored([])).toEqual(["constant", "constant", "constant"]);
    const others: Node[] = [["extra", "Relu", ["cos"]]];
    expect(stored(others)).toEqual(["parameter", "activation", "constant"]);
  });
});
