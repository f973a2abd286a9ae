import { describe, expect, it } from "vitest";
import { nodeLines, runPass, tensorGraph } from "../test/support/tensor-graph.js";
import { recognizeGelu } from "./recognize-gelu.js";

type Node = Parameters<typeof tensorGraph>[0]["nodes"][number];

const FULL = [4, 8];
const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "y"];

const gelu = (
  nodes: readonly Node[],
  more: readonly Node[] = [],
  outputs: readonly string[] = [],
) =>
  tensorGraph({
    data: { x: FULL, z: FULL },
    constants: { half: [], one: [], root: [], cubic: [], three: [] },
    activations: Object.fromEntries([...NAMES, "other"].map((name) => [name, FULL])),
    nodes: [...nodes, ...more],
    outputs: ["y", ...outputs],
  });

const ERF: Node[] = [
  ["a", "Div", ["x", "root"]],
  ["b", "Erf", ["a"]],
  ["c", "Add", ["b", "one"]],
];

describe("recognize-gelu", () => {
  it.each([
    [
      "half last",
      [
        ["d", "Mul", ["x", "c"]],
        ["y", "Mul", ["d", "half"]],
      ],
    ],
    [
      "half of x first",
      [
        ["d", "Mul", ["x", "half"]],
        ["y", "Mul", ["d", "c"]],
      ],
    ],
    [
      "half of the gate first",
      [
        ["d", "Mul", ["c", "half"]],
        ["y", "Mul", ["x", "d"]],
      ],
    ],
  ] as const)("by the error function, %s", (_order, rest) => {
    const found = runPass(recognizeGelu, gelu([...ERF, ...rest]));
    expect(nodeLines(found)).toEqual(["y Gelu(x)"]);
    expect(found.nodes[0]?.covers).toHaveLength(5);
  });

  it("by the tanh approximation, the cube as a power or as products", () => {
    const rest: Node[] = [
      ["c", "Mul", ["b", "cubic"]],
      ["d", "Add", ["x", "c"]],
      ["e", "Mul", ["d", "root"]],
      ["f", "Tanh", ["e"]],
      ["g", "Add", ["f", "one"]],
      ["h", "Mul", ["x", "half"]],
      ["y", "Mul", ["h", "g"]],
    ];
    const cubes: Node[][] = [
      [["b", "Pow", ["x", "three"]]],
      [
        ["a", "Mul", ["x", "x"]],
        ["b", "Mul", ["a", "x"]],
      ],
    ];
    for (const cube of cubes) {
      const found = runPass(recognizeGelu, gelu([...cube, ...rest]));
      expect(nodeLines(found)).toEqual(["y Gelu(x)"]);
      expect(found.nodes[0]?.attributes).toEqual({ approximate: "tanh" });
    }
  });

  it("keeps for the backward what it reads", () => {
    const half: Node = ["d", "Mul", ["x", "c"]];
    const saved: Node = ["other", "Mul", ["b", "z"], {}, { direction: "backward" }];
    const found = runPass(
      recognizeGelu,
      gelu([...ERF, half, ["y", "Mul", ["d", "half"]]], [saved]),
    );
    expect(found.nodes[0]?.outputs).toEqual(["y", "b"]);
  });

  it("leaves a gate of something else, and steps that others read", () => {
    const other = gelu([...ERF, ["d", "Mul", ["z", "c"]], ["y", "Mul", ["d", "half"]]]);
    expect(runPass(recognizeGelu, other)).toBe(other);
    const gate: Node[] = [...ERF, ["d", "Mul", ["x", "c"]], ["y", "Mul", ["d", "half"]]];
    const read = gelu(gate, [["other", "Relu", ["c"]]], ["other"]);
    expect(runPass(recognizeGelu, read)).toBe(read);
  });
});
