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
});
