import { describe, expect, it } from "vitest";
import type { Recompute } from "../src/ir/choices.js";
import type { TensorGraph } from "../src/ir/tensor-graph.js";
import { verify } from "../src/ir/verify.js";
import { nodeLines, runPass, tensorGraph } from "../test/support/tensor-graph.js";
import { deriveBackward } from "./derive-backward.js";

type Node = Parameters<typeof tensorGraph>[0]["nodes"][number];

const K = { k_axis: 0 };
const derive = (graph: TensorGraph, recompute: Recompute = "none") => {
  const derived = runPass(deriveBackward, graph, { recompute });
  expect(verify(derived)).toEqual([]);
  return derived;
};
const backward = (graph: TensorGraph, recompute: Recompute = "none") =>
  nodeLines(derive(graph, recompute)).slice(graph.nodes.length);

/** embed -> two layers of linear and residual add -> head -> loss. */
const MODEL = tensorGraph({
  data: { ids: [4, 2], labels: [4, 2] },
  parameters: { table: [32, 8], w0: [8, 8], w1: [8, 8], head: [8, 32] },
  activations: {
    ...{ e: [4, 2, 8], l0: [4, 2, 8], h0: [4, 2, 8], l1: [4, 2, 8], h1: [4, 2, 8] },
    ...{ logits: [4, 2, 32], loss: [] },
  },
  dtypes: { ids: "int64", labels: "int64" },
  nodes: [
    ["e", "Gather", ["table", "ids"]],
    ["l0", "kareus::Linear", ["e", "w0"], K, { layer: 0 }],
    ["h0", "Add", ["e", "l0"], {}, { layer: 0 }],
    ["l1", "kareus::Linear", ["h0", "w1"], K, { layer: 1 }],
    ["h1", "Add", ["h0", "l1"], {}, { layer: 1 }],
    ["logits", "kareus::Linear", ["h1", "head"], K],
    ["loss", "SoftmaxCrossEntropyLoss", ["logits", "labels"]],
  ],
  outputs: ["loss"],
});

describe("derive-backward", () => {
  it("derives each node's backward in reverse, weights apart, residual gradients summed", () => {
    expect(backward(MODEL)).toEqual([
      "loss/dgrad RowGradient(logits labels)",
      "logits/dgrad LinearInputGradient(logits/grad head)",
      "logits/wgrad LinearWeightGradient(h1 logits/grad)",
      "l1/dgrad LinearInputGradient(h1/grad w1)",
      "l1/wgrad LinearWeightGradient(h0 h1/grad)",
      "h0/grad_sum Sum(h1/grad h0/grad.2)",
      "l0/dgrad LinearInputGradient(h0/grad.sum w0)",
      "l0/wgrad LinearWeightGradient(e h0/grad.sum)",
      "e/grad_sum Sum(h0/grad.sum e/grad.2)",
      "e/wgrad EmbeddingGradient(ids e/grad.sum)",
    ]);
  });

  it("says what each node is: direction, origin, layer, role of the result", () => {
    const { nodes, tensors } = derive(MODEL);
    const node = (name: string) => nodes.find((n) => n.name === name);
    expect(node("l1/dgrad")).toMatchObject({
      ...{ direction: "backward", origin: "input-gradient", layer: 1, covers: ["l1/dgrad"] },
    });
    expect(node("l1/wgrad")).toMatchObject({ origin: "weight-gradient", layer: 1 });
    expect(node("e/wgrad")).toMatchObject({ origin: "weight-gradient", layer: null });
    // The sum runs where its last part is made, so every layer's backward has one.
    expect(node("h0/grad_sum")?.layer).toBe(1);
    expect(node("e/grad_sum")?.layer).toBe(0);
    expect(tensors.get("w0/grad")).toMatchObject({ role: "gradient", batch_axis: null });
    expect(tensors.get("h0/grad.2")).toMatchObject({ role: "activation", batch_axis: 0 });
  });

  it("sums the gradients of a tensor that is read three times in one node", () => {
    const graph = tensorGraph({
      data: { x: [4, 8] },
      parameters: { w: [8, 8] },
      activations: { h: [4, 8], a: [4, 8], b: [4, 8], c: [4, 8], y: [4, 8] },
      nodes: [
        ["h", "kareus::Linear", ["x", "w"], K],
        ["a", "Relu", ["h"]],
        ["b", "Tanh", ["h"]],
        ["c", "Erf", ["h"]],
        ["y", "Sum", ["a", "b", "c"]],
      ],
      outputs: ["y"],
    });
    const sums = backward(graph).filter((line) => line.includes(" Sum("));
    expect(sums).toEqual(["h/grad_sum Sum(h/grad h/grad.2 h/grad.3)"]);
  });

  it("asks for no gradient of data and leaves out what no parameter depends on", () => {
    const graph = tensorGraph({
      data: { x: [4, 8] },
      parameters: { w: [8, 8] },
      activations: { s: [4, 8], h: [4, 8], unused: [4, 8] },
      nodes: [
        ["s", "Relu", ["x"]],
        ["h", "kareus::Linear", ["s", "w"], K],
        ["unused", "Relu", ["h"]],
      ],
      outputs: ["h"],
    });
    expect(backward(graph)).toEqual(["h/wgrad LinearWeightGradient(s h/grad)"]);
  });

  it("starts at the loss, whatever the file lists before it", () => {
    const outputs = ["logits", "loss"];
    expect(backward({ ...MODEL, outputs })).toEqual(backward(MODEL));
  });

  describe("without a loss", () => {
    const heads = (outputs: readonly string[]) =>
      tensorGraph({
        data: { x: [4, 8] },
        parameters: { w: [8, 8], u: [8, 16], v: [8, 2] },
        activations: { h: [4, 8], a: [4, 16], b: [4, 2], again: [4, 16] },
        nodes: [
          ["h", "kareus::Linear", ["x", "w"], K],
          ["a", "kareus::Linear", ["h", "u"], K],
          ["b", "kareus::Linear", ["h", "v"], K],
          ["again", "Relu", ["a"]],
        ],
        outputs: [...outputs],
      });
    const trained = (outputs: readonly string[]) =>
      backward(heads(outputs)).filter((line) => line.includes("wgrad"));

    it("starts at each output that trains something of its own", () => {
      expect(trained(["a", "b"])).toEqual([
        "b/wgrad LinearWeightGradient(h b/grad)",
        "a/wgrad LinearWeightGradient(h a/grad)",
        "h/wgrad LinearWeightGradient(x h/grad.sum)",
      ]);
    });

    it("starts not at what another one is made of, nor twice for the same parameters", () => {
      expect(backward(heads(["h", "a"]))).toEqual(backward(heads(["a"])));
      expect(backward(heads(["a", "h", "again"]))).toEqual(backward(heads(["a"])));
    });

    it("starts at a first output of one element alone", () => {
      const graph = tensorGraph({
        data: { x: [4, 8] },
        parameters: { w: [8, 8], v: [8, 2] },
        activations: { h: [4, 8], total: [], b: [4, 2] },
        nodes: [
          ["h", "kareus::Linear", ["x", "w"], K],
          ["total", "ReduceSum", ["h"], { keepdims: 0 }],
          ["b", "kareus::Linear", ["h", "v"], K],
        ],
        outputs: ["total", "b"],
      });
      expect(backward(graph).filter((line) => line.startsWith("b"))).toEqual([]);
    });
  });

  it("gives a second gradient of one kind a name of its own, covers included", () => {
    const graph = tensorGraph({
      data: { x: [4, 8] },
      parameters: { w: [8, 8], b: [8] },
      activations: { h: [4, 8] },
      nodes: [["h", "kareus::Linear", ["x", "w", "b"], K]],
      outputs: ["h"],
    });
    const gradients = derive(graph).nodes.slice(1);
    expect(gradients.map(({ name, covers }) => [name, covers])).toEqual([
      ["h/wgrad", ["h/wgrad"]],
      ["h/wgrad#2", ["h/wgrad#2"]],
    ]);
  });

  it("turns collectives into their counterparts", () => {
    const chain = (op: string, shapes: readonly (readonly number[])[]) => {
      const [input = [], output = []] = shapes;
      return backward(
        tensorGraph({
          data: { x: [4, 8] },
          parameters: { w: [8, input[1] ?? 8] },
          activations: { h: input, c: output },
          nodes: [
            ["h", "kareus::Linear", ["x", "w"], K],
            ["c", op, ["h"], { group: "tp", group_size: 4 }],
          ],
          outputs: ["c"],
        }),
      )[0];
    };
    const same = [
      [4, 8],
      [4, 8],
    ];
    expect(chain("kareus::CopyToGroup", same)).toBe("c/dgrad AllReduce(c/grad)");
    expect(chain("kareus::AllReduce", same)).toBe("h/wgrad LinearWeightGradient(x c/grad)");
    expect(chain("kareus::AllToAll", same)).toBe("c/dgrad AllToAll(c/grad)");
    const grows = [
      [4, 8],
      [16, 8],
    ];
    expect(chain("kareus::AllGather", grows)).toBe("c/dgrad ReduceScatter(c/grad)");
    expect(chain("kareus::ReduceScatter", [...grows].reverse())).toBe("c/dgrad AllGather(c/grad)");
  });

  it("runs each layer again right before its backward, and nothing outside layers", () => {
    expect(backward(MODEL, "full")).toEqual([
      "loss/dgrad RowGradient(logits labels)",
      "logits/dgrad LinearInputGradient(logits/grad head)",
      "logits/wgrad LinearWeightGradient(h1 logits/grad)",
      "l1/recompute Linear(h0 w1)",
      "h1/recompute Add(h0 l1/recompute)",
      "l1/dgrad LinearInputGradient(h1/grad w1)",
      "l1/wgrad LinearWeightGradient(h0 h1/grad)",
      "h0/grad_sum Sum(h1/grad h0/grad.2)",
      "l0/recompute Linear(e w0)",
      "h0/recompute Add(e l0/recompute)",
      "l0/dgrad LinearInputGradient(h0/grad.sum w0)",
      "l0/wgrad LinearWeightGradient(e h0/grad.sum)",
      "e/grad_sum Sum(h0/grad.sum e/grad.2)",
      "e/wgrad EmbeddingGradient(ids e/grad.sum)",
    ]);
    const again = derive(MODEL, "full").nodes.find((n) => n.name === "l1/recompute");
    expect(again).toMatchObject({ direction: "backward", origin: "recompute", layer: 1 });
    expect(again?.covers).toEqual(["l1/recompute"]);
  });

  it("stops running a layer again where nothing is made any more that backward reads", () => {
    // As torch.utils.checkpoint(use_reentrant=False): of an MLP all but its last product and what follows.
    const graph = tensorGraph({
      data: { x: [4, 8] },
      parameters: { g: [8], a: [8, 16], b: [16, 8] },
      activations: { n: [4, 8], l: [4, 16], r: [4, 16], d: [4, 8], s: [4, 8], y: [4, 8] },
      nodes: [
        ["n", "RMSNormalization", ["x", "g"], {}, { layer: 0 }],
        ["l", "kareus::Linear", ["n", "a"], K, { layer: 0 }],
        ["r", "Relu", ["l"], {}, { layer: 0 }],
        ["d", "kareus::Linear", ["r", "b"], K, { layer: 0 }],
        ["s", "kareus::AllReduce", ["d"], {}, { layer: 0 }],
        ["y", "Add", ["x", "s"], {}, { layer: 0 }],
      ] satisfies Node[],
      outputs: ["y"],
    });
    const again = (recompute: Recompute) =>
      derive(graph, recompute).nodes.flatMap(({ origin, name }) =>
        origin === "recompute" ? [name.replace("/recompute", "")] : [],
      );
    expect(again("full")).toEqual(["n", "l", "r", "d", "s", "y"]);
    expect(again("early-stop")).toEqual(["n", "l", "r"]);
    const derived = derive(graph, "early-stop");
    const made = derived.nodes.flatMap(({ outputs }) => outputs);
    expect(
      [...derived.tensors.keys()].filter((name) => name.endsWith("/recompute")).sort(),
    ).toEqual(made.filter((name) => name.endsWith("/recompute")).sort());
  });

  it("runs a norm that ends a layer again even then: its statistics are saved", () => {
    const graph = tensorGraph({
      data: { x: [4, 8] },
      parameters: { g: [8], a: [8, 8] },
      activations: { l: [4, 8], n: [4, 8], y: [4, 8] },
      nodes: [
        ["l", "kareus::Linear", ["x", "a"], K, { layer: 0 }],
        ["n", "RMSNormalization", ["l", "g"], {}, { layer: 0 }],
        ["y", "Add", ["x", "n"], {}, { layer: 0 }],
      ] satisfies Node[],
      outputs: ["y"],
    });
    const names = derive(graph, "early-stop").nodes.map(({ name }) => name);
    expect(names.filter((name) => name.endsWith("/recompute"))).toEqual([
      "l/recompute",
      "n/recompute",
    ]);
  });

  it("reads recomputed activations inside a layer, saved ones outside", () => {
    const graph = tensorGraph({
      data: { x: [4, 8] },
      parameters: { a: [8, 8], b: [8, 8], c: [8, 8] },
      activations: { h: [4, 8], l: [4, 8], r: [4, 8], y: [4, 8] },
      nodes: [
        ["h", "kareus::Linear", ["x", "a"], K],
        ["l", "kareus::Linear", ["h", "b"], K, { layer: 0 }],
        ["r", "Relu", ["l"], {}, { layer: 0 }],
        ["y", "kareus::Linear", ["r", "c"], K],
      ] satisfies Node[],
      outputs: ["y"],
    });
    const lines = backward(graph, "full");
    expect(lines).toContain("y/wgrad LinearWeightGradient(r y/grad)");
    expect(lines).toContain("r/dgrad PointwiseGradient(r/grad l/recompute)");
    expect(lines).toContain("l/wgrad LinearWeightGradient(h l/grad)");
  });

  it("keeps a graph that brings its backward, and says that recompute changes nothing", () => {
    const joint = tensorGraph({
      data: { x: [4, 8] },
      activations: { y: [4, 8] },
      nodes: [["y", "com.microsoft::ReluGrad", ["x", "x"]]],
      outputs: ["y"],
    });
    const codes: string[] = [];
    const report = ({ code }: { code: string }) => codes.push(code);
    expect(runPass(deriveBackward, joint, {}, report)).toBe(joint);
    expect(codes).toEqual([]);
    expect(runPass(deriveBackward, joint, { recompute: "full" }, report)).toBe(joint);
    expect(codes).toHaveLength(1);
  });

  it("leaves a graph that trains nothing", () => {
    const graph = tensorGraph({
      data: { x: [4, 8] },
      activations: { y: [4, 8] },
      nodes: [["y", "Relu", ["x"]]],
      outputs: ["y"],
    });
    expect(runPass(deriveBackward, graph)).toBe(graph);
  });

  it("sends back the gradient of what came from another stage, and waits for its own", () => {
    const graph = tensorGraph({
      parameters: { w: [8, 8] },
      constants: { signal: [], rank: [] },
      dtypes: { came: "bool", sent: "bool" },
      activations: { came: [], x: [4, 8], y: [4, 8], sent: [] },
      nodes: [
        ["recv", "com.microsoft::Recv", ["signal", "rank"], {}, { outputs: ["came", "x"] }],
        ["y", "kareus::Linear", ["x", "w"], { k_axis: 0 }],
        ["sent", "com.microsoft::Send", ["signal", "rank", "y"]],
      ],
      outputs: ["sent"],
    });
    const derived = runPass(deriveBackward, graph);
    expect(nodeLines(derived).slice(3)).toEqual([
      "sent/dgrad com.microsoft::Recv()",
      "y/dgrad LinearInputGradient(y/grad w)",
      "y/wgrad LinearWeightGradient(x y/grad)",
      "recv/dgrad com.microsoft::Send(x/grad)",
    ]);
    expect(verify(derived)).toEqual([]);
  });

  it("runs the inside of attention again, and nothing of a fused kernel, selectively", () => {
    const scores = { scores: [4, 16, 16], scaled: [4, 16, 16], p: [4, 16, 16] };
    const graph = tensorGraph({
      data: { x: [4, 16, 8] },
      parameters: { wq: [8, 8] },
      activations: { q: [4, 16, 8], t: [4, 8, 16], ...scores, y: [4, 16, 8] },
      nodes: [
        ["q", "kareus::Linear", ["x", "wq"], K],
        ["t", "Transpose", ["q"], { perm: [0, 2, 1] }],
        ["scores", "MatMul", ["q", "t"]],
        ["scaled", "Relu", ["scores"]],
        ["p", "Softmax", ["scaled"], { axis: -1 }],
        ["y", "MatMul", ["p", "q"]],
      ],
      outputs: ["y"],
    });
    const lines = backward(graph, "selective");
    expect(lines.slice(0, 6)).toEqual([
      "y/dgrad ProductGradient(y/grad q)",
      "scores/recompute MatMul(q t)",
      "scaled/recompute Relu(scores/recompute)",
      "p/recompute Softmax(scaled/recompute)",
      "y/dgrad#2 ProductGradient(y/grad p/recompute)",
      "p/dgrad RowGradient(p/grad p/recompute)",
    ]);
    expect(backward(MODEL, "selective")).toEqual(backward(MODEL));
  });
});

describe("without training", () => {
  const forward = { forward_only: true };
  const frozen = ({ tensors }: TensorGraph) =>
    [...tensors.values()].flatMap((tensor) => (tensor.frozen ? [tensor.name] : []));

  it("derives no backward, and trains no parameter", () => {
    const graph = runPass(deriveBackward, MODEL, forward);
    expect(verify(graph)).toEqual([]);
    expect(graph.nodes).toEqual(MODEL.nodes);
    expect(frozen(graph)).toEqual(["table", "w0", "w1", "head"]);
  });

  it("leaves out a backward that the graph brings", () => {
    const joint = derive(MODEL);
    const gradient = "l1/dgrad";
    const outputs = [
      ...MODEL.outputs,
      ...joint.nodes.flatMap((n) => (n.name === gradient ? n.outputs : [])),
    ];
    const graph = runPass(deriveBackward, { ...joint, outputs }, forward);
    expect(verify(graph)).toEqual([]);
    expect([nodeLines(graph), graph.outputs]).toEqual([nodeLines(MODEL), MODEL.outputs]);
  });
});
