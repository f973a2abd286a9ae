import { tensorGraph } from "./tensor-graph.js";

/** 32 tokens, each expert takes 8 of them; a gated feed-forward network; results are added up. */
export const MIXTURE = tensorGraph({
  data: { x: [32, 16] },
  parameters: { router: [16, 4], w1: [4, 16, 64], w3: [4, 16, 64], w2: [4, 64, 16], b: [4, 1, 16] },
  activations: {
    ...{ scores: [32, 4], picked: [4, 8], ids: [4, 8], t: [32, 16], rows: [4, 8, 16] },
    ...{ up: [4, 8, 64], gate: [4, 8, 64], act: [4, 8, 64], down: [4, 8, 16], out: [4, 8, 16] },
    ...{ flat: [32, 16], y: [32, 16] },
  },
  nodes: [
    ["scores", "kareus::Linear", ["x", "router"], { k_axis: 0 }],
    ["picked", "TopK", ["scores"], {}, { outputs: ["picked", "ids"] }],
    ["t", "Relu", ["x"]],
    ["rows", "Gather", ["t", "ids"]],
    ["gate", "MatMul", ["rows", "w1"]],
    ["up", "MatMul", ["rows", "w3"]],
    ["act", "kareus::SwiGLU", ["gate", "up"]],
    ["down", "MatMul", ["act", "w2"]],
    ["out", "Add", ["down", "b"]],
    ["flat", "Reshape", ["out"]],
    ["y", "Add", ["flat", "x"]],
  ],
  outputs: ["y"],
});
