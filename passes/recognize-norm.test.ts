import { describe, expect, it } from "vitest";
import { verify } from "../src/ir/verify.js";
import { nodeLines, runPass, tensorGraph } from "../test/support/tensor-graph.js";
import { recognizeNorm } from "./recognize-norm.js";

type Node = Parameters<typeof tensorGraph>[0]["nodes"][number];

const SHAPES = {
  data: { x: [4, 8] },
  parameters: { w: [8], b: [8] },
  constants: { two: [], eps: [] },
};
const ROWS = { reduced: [4, 1], shifted: [4, 1], root: [4, 1] };
const variance = (squared: string): Node[] => [
  ["reduced", "ReduceMean", [squared], { axes: [-1] }],
  ["shifted", "Add", ["reduced", "eps"]],
  ["root", "Sqrt", ["shifted"]],
];
const LAYER_NORM: Node[] = [
  ["mean", "ReduceMean", ["x"], { axes: [-1] }],
  ["centred", "Sub", ["x", "mean"]],
  ["squared", "Pow", ["centred", "two"]],
  ...variance("squared"),
  ["normal", "Div", ["centred", "root"]],
];
const LAYER_ROWS = { ...ROWS, mean: [4, 1], centred: [4, 8], squared: [4, 8], normal: [4, 8] };

describe("recognize-norm", () => {
  it("tells RMSNorm: x * (1 / sqrt) * weight", () => {
    const graph = tensorGraph({
      ...SHAPES,
      activations: { ...ROWS, squared: [4, 8], inverse: [4, 1], normal: [4, 8], y: [4, 8] },
      nodes: [
        ["squared", "Mul", ["x", "x"]],
        ...variance("squared"),
        ["inverse", "Reciprocal", ["root"]],
        ["normal", "Mul", ["x", "inverse"]],
        ["y", "Mul", ["w", "normal"]],
      ],
      outputs: ["y"],
    });
    const norm = runPass(recognizeNorm, graph);
    expect(nodeLines(norm)).toEqual(["y RMSNormalization(x w)"]);
    expect(norm.nodes[0]?.covers[0]).toBe("squared");
  });

  it("tells LayerNorm: the mean is subtracted first; weight and bias go along", () => {
    const graph = tensorGraph({
      ...SHAPES,
      activations: { ...LAYER_ROWS, scaled: [4, 8], y: [4, 8] },
      nodes: [...LAYER_NORM, ["scaled", "Mul", ["normal", "w"]], ["y", "Add", ["scaled", "b"]]],
      outputs: ["y"],
    });
    expect(nodeLines(runPass(recognizeNorm, graph))).toEqual(["y LayerNormalization(x w b)"]);
  });

  it("takes a norm without weight, and no weight from an activation", () => {
    const graph = tensorGraph({
      ...SHAPES,
      activations: { ...LAYER_ROWS, gated: [4, 8] },
      nodes: [...LAYER_NORM, ["gated", "Mul", ["normal", "x"]]],
      outputs: ["gated"],
    });
    expect(nodeLines(runPass(recognizeNorm, graph))).toEqual([
      "normal LayerNormalization(x)",
      "gated Mul(normal x)",
    ]);
  });

  it.each(["centred", "squared", "shifted", "root"])(
    "leaves a norm whose %s is read elsewhere or leaves the graph",
    (name) => {
      const read = tensorGraph({
        ...SHAPES,
        activations: { ...LAYER_ROWS, other: LAYER_ROWS[name as "root"] },
        nodes: [...LAYER_NORM, ["other", "Exp", [name]]],
        outputs: ["normal", "other"],
      });
      expect(runPass(recognizeNorm, read)).toBe(read);
      const output = tensorGraph({
        ...SHAPES,
        activations: LAYER_ROWS,
        nodes: LAYER_NORM,
        outputs: ["normal", name],
      });
      expect(runPass(recognizeNorm, output)).toBe(output);
      expect(verify(read)).toEqual([]);
    },
  );

  const shape = {
    p: [4, 1],
    q: [4, 1],
    r: [4, 1],
    s: [4, 1],
    c: [4, 8],
    d: [4, 8],
    e: [4, 8],
    y: [4, 8],
  };
  const rows = { axes: [-1], keepdims: 1 };
  const spellings: Readonly<Record<string, readonly [string, readonly Node[]]>> = {
    "by their length": [
      "x w",
      [
        ["p", "ReduceL2", ["x"], rows],
        ["c", "Div", ["x", "p"]],
        ["y", "Mul", ["c", "w"]],
      ],
    ],
    "by a length of some size at least, times a root": [
      "x w",
      [
        ["p", "ReduceL2", ["x"], rows],
        ["q", "Clip", ["p", "eps"]],
        ["c", "Expand", ["q", "sizes"]],
        ["d", "Div", ["x", "c"]],
        ["e", "Mul", ["d", "eps"]],
        ["y", "Mul", ["e", "w"]],
      ],
    ],
    "by sums of squares": [
      "x w",
      [
        ["c", "Pow", ["x", "two"]],
        ["p", "ReduceSum", ["c"], rows],
        ["q", "Div", ["p", "two"]],
        ["r", "Sqrt", ["q"]],
        ["s", "Add", ["r", "eps"]],
        ["d", "Div", ["x", "s"]],
        ["y", "Mul", ["d", "w"]],
      ],
    ],
    "with the weight first": [
      "x w",
      [
        ["c", "Mul", ["x", "x"]],
        ["p", "ReduceMean", ["c"], rows],
        ["q", "Pow", ["p", "eps"]],
        ["d", "Mul", ["w", "x"]],
        ["y", "Mul", ["q", "d"]],
      ],
    ],
    "with the weight in the scale": [
      "x w",
      [
        ["c", "Mul", ["x", "x"]],
        ["p", "ReduceMean", ["c"], rows],
        ["q", "Sqrt", ["p"]],
        ["r", "Reciprocal", ["q"]],
        ["d", "Mul", ["r", "w"]],
        ["y", "Mul", ["x", "d"]],
      ],
    ],
    "by E[x^2] - E[x]^2": [
      "x w b",
      [
        ["c", "Mul", ["x", "x"]],
        ["p", "ReduceMean", ["c"], rows],
        ["q", "ReduceMean", ["x"], rows],
        ["r", "Mul", ["q", "q"]],
        ["s", "Sub", ["p", "r"]],
        ["d", "Sub", ["x", "q"]],
        ["e", "Div", ["d", "s"]],
        ["f", "Mul", ["e", "w"]],
        ["y", "Add", ["f", "b"]],
      ],
    ],
  };
  it.each(Object.entries(spellings))("tells rows scaled %s", (_, [operands, nodes]) => {
    const graph = tensorGraph({
      ...SHAPES,
      constants: { ...SHAPES.constants, sizes: [2] },
      activations: { ...shape, f: [4, 8] },
      nodes,
      outputs: ["y"],
    });
    const op = operands.includes("b") ? "LayerNormalization" : "RMSNormalization";
    expect(nodeLines(runPass(recognizeNorm, graph))).toEqual([`y ${op}(${operands})`]);
  });

  it.each([
    ["sums of what is not squared", ["p", "ReduceSum", ["x"], rows]],
    ["sums over other axes", ["p", "ReduceSumSquare", ["x"], { axes: [0], keepdims: 1 }]],
    ["squares of another tensor", ["p", "ReduceSumSquare", ["z"], rows]],
  ] satisfies (readonly [string, Node])[])("leaves rows scaled by %s", (_, sum) => {
    const graph = tensorGraph({
      ...SHAPES,
      data: { x: [4, 4], z: [4, 4] },
      activations: { p: [4, 1], y: [4, 4] },
      nodes: [sum, ["y", "Div", ["x", "p"]]],
      outputs: ["y"],
    });
    expect(runPass(recognizeNorm, graph)).toBe(graph);
  });
});
