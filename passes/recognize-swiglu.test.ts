import { describe, expect, it } from "vitest";
import { nodeLines, runPass, tensorGraph } from "../test/support/tensor-graph.js";
import { recognizeSwiglu } from "./recognize-swiglu.js";

type Node = Parameters<typeof tensorGraph>[0]["nodes"][number];

const GATED: Node[] = [
  ["sigmoid", "Sigmoid", ["gate"]],
  ["silu", "Mul", ["gate", "sigmoid"]],
  ["y", "Mul", ["silu", "up"]],
];
const wide = [4, 16];

describe("recognize-swiglu", () => {
  it("finds the gate and the other half of one split", () => {
    const graph = tensorGraph({
      data: { x: [4, 32] },
      activations: { gate: wide, up: wide, sigmoid: wide, silu: wide, y: wide },
      nodes: [["halves", "Split", ["x"], { axis: -1 }, { outputs: ["gate", "up"] }], ...GATED],
      outputs: ["y"],
    });
    expect(nodeLines(runPass(recognizeSwiglu, graph))).toEqual([
      "halves Split(x)",
      "y SwiGLU(gate up)",
    ]);
  });

  it("leaves SiLU alone, a parameter for up, and a SiLU that others read", () => {
    const activations = { sigmoid: wide, silu: wide, y: wide, other: wide };
    const graphs = [
      tensorGraph({ data: { gate: wide }, activations, nodes: GATED.slice(0, 2) }),
      tensorGraph({ data: { gate: wide }, parameters: { up: wide }, activations, nodes: GATED }),
      tensorGraph({
        data: { gate: wide, up: wide },
        activations,
        nodes: [...GATED, ["other", "Relu", ["silu"]]],
      }),
      tensorGraph({ data: { gate: wide, up: [1, 16] }, activations, nodes: GATED }),
    ];
    for (const graph of graphs) expect(runPass(recognizeSwiglu, graph)).toBe(graph);
  });
});
