import { expect, test } from "vitest";
import { nodeLines, runPass, tensorGraph } from "../../test/support/tensor-graph.js";
import { recognizeAttention } from "../recognize-attention.js";

const [B, H, T, D, R] = [2, 4, 16, 8, 12];
const HEADS = [B, H, T, D];
const TURNED = [B, H, D, T];
const SCORES = [B, H, T, T];
const BACKWARD = { direction: "backward" } as const;
const TURN = { perm: [0, 1, 3, 2] };

test("products behind places that a bias was looked up at belong to no attention", () => {
  const graph = tensorGraph({
    data: { q: HEADS, k: HEADS, v: HEADS },
    parameters: { rel: [H, D, R] },
    constants: { places: SCORES, zeros: [B, H, T, R] },
    activations: {
      ...{ kt: TURNED, raw: SCORES, all: [B, H, T, R], bias: SCORES, masked: SCORES },
      ...{ weights: SCORES, y: HEADS, wt: SCORES, dv: HEADS, vt: TURNED, dw: SCORES },
      ...{ m: SCORES, s: [B, H, T, 1], ms: SCORES, ds: SCORES, dq: HEADS, dst: SCORES },
      ...{ dk: HEADS, d_all: [B, H, T, R], rel_t: [H, R, D], dq_rel: HEADS, qt: TURNED },
      ...{ d_rel: [B, H, D, R], dq_sum: HEADS, dy: HEADS },
    },
    nodes: [
      ["kt", "Transpose", ["k"], TURN],
      ["raw", "MatMul", ["q", "kt"]],
      ["all", "MatMul", ["q", "rel"]],
      ["bias", "GatherElements", ["all", "places"], { axis: -1 }],
      ["masked", "Add", ["raw", "bias"]],
      ["weights", "Softmax", ["masked"], { axis: -1 }],
      ["y", "MatMul", ["weights", "v"]],
      ["dy", "Neg", ["y"], {}, BACKWARD],
      ["wt", "Transpose", ["weights"], TURN, BACKWARD],
      ["dv", "MatMul", ["wt", "dy"], {}, BACKWARD],
      ["vt", "Transpose", ["v"], TURN, BACKWARD],
      ["dw", "MatMul", ["dy", "vt"], {}, BACKWARD],
      ["m", "Mul", ["dw", "weights"], {}, BACKWARD],
      ["s", "ReduceSum", ["m"], { axes: [-1], keepdims: 1 }, BACKWARD],
      ["ms", "Mul", ["weights", "s"], {}, BACKWARD],
      ["ds", "Sub", ["m", "ms"], {}, BACKWARD],
      ["dq", "MatMul", ["ds", "k"], {}, BACKWARD],
      ["dst", "Transpose", ["ds"], TURN, BACKWARD],
      ["dk", "MatMul", ["dst", "q"], {}, BACKWARD],
      [
        "d_all",
        "ScatterElements",
        ["zeros", "places", "ds"],
        { axis: -1, reduction: "add" },
        BACKWARD,
      ],
      ["rel_t", "Transpose", ["rel"], { perm: [0, 2, 1] }, BACKWARD],
      ["dq_rel", "MatMul", ["d_all", "rel_t"], {}, BACKWARD],
      ["qt", "Transpose", ["q"], TURN, BACKWARD],
      ["d_rel", "MatMul", ["qt", "d_all"], {}, BACKWARD],
      ["dq_sum", "Add", ["dq", "dq_rel"], {}, BACKWARD],
    ],
    outputs: ["y", "dq_sum", "dk", "dv", "d_rel"],
  });
  const lines = nodeLines(runPass(recognizeAttention, graph));
  expect(lines.filter((line) => line.includes("Attention"))).toEqual([
    "y Attention(q k v bias)",
    expect.stringMatching(/AttentionGradient\(dy q k v bias y\)$/),
  ]);
  expect(lines).toContain("dq_rel MatMul(d_all rel_t)");
  expect(lines).toContain("d_rel MatMul(qt d_all)");
});
