import { describe, expect, it } from "vitest";
import { tensorGraph } from "../../../test/support/tensor-graph.js";
import { type TensorNode, tensorOf } from "../../ir/tensor-graph.js";
import { gradientRuleFor } from "./index.js";

type Shape = readonly number[];

interface Asked {
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly outputs?: Readonly<Record<string, Shape>>;
  /** Inputs whose gradients are wanted; all of them unless stated. */
  readonly wanted?: readonly string[];
  /** Outputs through which a gradient arrives; all of them unless stated. */
  readonly arriving?: readonly string[];
  readonly attributes?: TensorNode["attributes"];
}

/** What an operator runs backward: `op(inputs) -> gradients`, and `input = gradient` for aliases. */
function backward(op: string, asked: Asked): string[] {
  const outputs = asked.outputs ?? { y: Object.values(asked.inputs)[0] ?? [] };
  const [names, made] = [Object.keys(asked.inputs), Object.keys(outputs)];
  const gradients = Object.fromEntries(made.map((name) => [`d_${name}`, outputs[name] ?? []]));
  const graph = tensorGraph({
    activations: { ...asked.inputs, ...outputs, ...gradients },
    nodes: [["n", op, names, asked.attributes ?? {}, { outputs: made }]],
  });
  const [node] = graph.nodes;
  if (node === undefined) throw new Error("one node was given");
  const { wanted = names, arriving = made } = asked;
  const gradient = gradientRuleFor(op)({
    node,
    outputGradients: made.map((name) => (arriving.includes(name) ? `d_${name}` : null)),
    wanted: names.map((name) => wanted.includes(name)),
    tensor: (name) => tensorOf(graph, name),
  });
  return [
    ...gradient.nodes.map(
      (each) =>
        `${each.op.replace("kareus::", "")}(${each.inputs.join(" ")}) -> ${each.of.map((i) => names[i]).join(" ")}`,
    ),
    ...gradient.aliases.map(({ input, gradient: name }) => `${names[input]} = ${name}`),
  ];
}

const X = [4, 8];
const LINEAR = { inputs: { x: X, w: [8, 16], b: [16] }, outputs: { y: [4, 16] } };

describe("backward of products", () => {
  it("a linear: input, weight and bias apart, each only where wanted", () => {
    expect(backward("kareus::Linear", LINEAR)).toEqual([
      "LinearInputGradient(d_y w) -> x",
      "LinearWeightGradient(x d_y) -> w",
      "RowGradient(d_y) -> b",
    ]);
    expect(backward("kareus::Linear", { ...LINEAR, wanted: ["w"] })).toEqual([
      "LinearWeightGradient(x d_y) -> w",
    ]);
  });

  it("a product of activations: one product for each side", () => {
    const product = { inputs: { a: [2, 4, 8], b: [2, 8, 16] }, outputs: { y: [2, 4, 16] } };
    expect(backward("MatMul", product)).toEqual([
      "ProductGradient(d_y b) -> a",
      "ProductGradient(d_y a) -> b",
    ]);
  });

  it("a Gemm's addend gets its sum", () => {
    expect(backward("Gemm", { ...LINEAR, wanted: ["w", "b"] })).toEqual([
      "ProductGradient(d_y x) -> w",
      "RowGradient(d_y) -> b",
    ]);
  });

  it("a convolution: a kernel for the input, one for the weight, a sum for the bias", () => {
    const conv = {
      inputs: { x: [2, 3, 8, 8], w: [6, 3, 3, 3], b: [6] },
      outputs: { y: [2, 6, 8, 8] },
    };
    expect(backward("Conv", conv)).toEqual([
      "RepeatedWork(d_y x w b) -> x",
      "RepeatedWork(d_y x w b) -> w",
      "RowGradient(d_y) -> b",
    ]);
  });

  it("attention: one kernel from dO, the inputs and the saved output", () => {
    const heads = [2, 4, 16, 8];
    const attention = { inputs: { q: heads, k: heads, v: heads, mask: [16, 16] } };
    expect(backward("Attention", { ...attention, wanted: ["q", "k", "v"] })).toEqual([
      "AttentionGradient(d_y q k v mask y) -> q k v",
    ]);
  });
});

describe("backward of element-wise operators", () => {
  it("sums pass the gradient on, and sum it over what was broadcast", () => {
    expect(backward("Add", { inputs: { a: X, b: X } })).toEqual(["a = d_y", "b = d_y"]);
    expect(backward("Add", { inputs: { a: X, b: [8] } })).toEqual([
      "RowGradient(d_y) -> b",
      "a = d_y",
    ]);
  });

  it("a product reads the other factor of each wanted one", () => {
    expect(backward("Mul", { inputs: { a: X, b: X } })).toEqual([
      "PointwiseGradient(d_y a b) -> a b",
    ]);
    expect(backward("Mul", { inputs: { a: X, scale: [] }, wanted: ["a"] })).toEqual([
      "PointwiseGradient(d_y scale) -> a",
    ]);
    expect(backward("Div", { inputs: { a: X, scale: [] }, wanted: ["a"] })).toEqual([
      "PointwiseGradient(d_y scale) -> a",
    ]);
    expect(backward("Neg", { inputs: { a: X } })).toEqual(["PointwiseGradient(d_y) -> a"]);
  });

  it("activations read what they were given, dropout its mask", () => {
    expect(backward("kareus::SwiGLU", { inputs: { gate: X, up: X } })).toEqual([
      "PointwiseGradient(d_y gate up) -> gate up",
    ]);
    const dropout = { inputs: { x: X }, outputs: { y: X, mask: X }, arriving: ["y"] };
    expect(backward("Dropout", dropout)).toEqual(["PointwiseGradient(d_y mask) -> x"]);
  });
});

describe("backward of row-wise operators", () => {
  it("a norm: input and parameters in one kernel, from every gradient that arrives", () => {
    const norm = { inputs: { x: X, w: [8] } };
    expect(backward("RMSNormalization", norm)).toEqual(["RowGradient(d_y x w) -> x w"]);
    const skip = { inputs: { x: X, skip: X, w: [8] }, outputs: { y: X, sum: X } };
    expect(backward("com.microsoft::SkipLayerNormalization", skip)).toEqual([
      "RowGradient(d_y d_sum x skip w) -> x skip w",
    ]);
  });

  it("softmax reads its result, the loss only logits and labels", () => {
    expect(backward("Softmax", { inputs: { x: X } })).toEqual(["RowGradient(d_y y) -> x"]);
    const loss = { inputs: { logits: X, labels: [4] }, outputs: { y: [] }, wanted: ["logits"] };
    expect(backward("SoftmaxCrossEntropyLoss", loss)).toEqual([
      "RowGradient(logits labels) -> logits",
    ]);
  });

  it("what is not known streams every gradient and saved input once", () => {
    const unknown = { inputs: { a: X, b: X }, outputs: { y: X, z: X }, wanted: ["a"] };
    expect(backward("custom::Op", unknown)).toEqual(["RowGradient(d_y d_z a b) -> a"]);
  });
});

describe("backward of layout", () => {
  it("a view is a view, a transpose its inverse", () => {
    expect(backward("Reshape", { inputs: { x: X, shape: [1] }, wanted: ["x"] })).toEqual([
      "Reshape(d_y) -> x",
    ]);
    const perm = [2, 0, 1];
    const graph = { inputs: { x: [2, 3, 4] }, outputs: { y: [4, 2, 3] }, attributes: { perm } };
    expect(backward("Transpose", graph)).toEqual(["Transpose(d_y) -> x"]);
  });

  it("parts flow back into the whole, the whole into its parts, repeats as sums", () => {
    const split = { inputs: { x: X }, outputs: { a: [4, 4], b: [4, 4] } };
    expect(backward("Split", split)).toEqual(["Concat(d_a d_b) -> x"]);
    expect(backward("Split", { ...split, arriving: ["b"] })).toEqual(["Concat(d_b) -> x"]);
    const concat = { inputs: { a: [4, 4], b: [4, 4] }, outputs: { y: X } };
    expect(backward("Concat", concat)).toEqual(["Split(d_y) -> a b"]);
    const expand = { inputs: { x: [1, 8] }, outputs: { y: X } };
    expect(backward("Expand", expand)).toEqual(["RowGradient(d_y) -> x"]);
  });

  it("an embedding adds rows to its table's gradient", () => {
    const gather = { inputs: { table: [32, 8], ids: [4] }, outputs: { y: X }, wanted: ["table"] };
    expect(backward("Gather", gather)).toEqual(["EmbeddingGradient(ids d_y) -> table"]);
  });
});

describe("backward of collectives", () => {
  it("keeps the domain, whose attributes name the group", () => {
    const gather = { inputs: { x: X }, outputs: { y: [16, 8] } };
    expect(backward("kareus::AllGather", gather)).toEqual(["ReduceScatter(d_y) -> x"]);
    for (const op of ["com.microsoft::AllGather", "com.microsoft::NcclAllGather"]) {
      expect(backward(op, gather)).toEqual(["com.microsoft::NcclReduceScatter(d_y) -> x"]);
    }
    expect(backward("com.microsoft::AllToAll", { inputs: { x: X } })).toEqual([
      "com.microsoft::AllToAll(d_y) -> x",
    ]);
  });

  it("takes several tensors at once, each with its own gradient", () => {
    const two = { inputs: { a: X, b: X }, outputs: { y: X, z: X } };
    expect(backward("kareus::AllReduce", two)).toEqual(["a = d_y", "b = d_z"]);
    expect(backward("kareus::AllToAll", two)).toEqual(["AllToAll(d_y d_z) -> a b"]);
    expect(backward("kareus::AllToAll", { ...two, arriving: ["z"] })).toEqual([
      "AllToAll(d_z) -> b",
    ]);
  });
});

describe("any operator", () => {
  it.each([
    "kareus::Linear",
    "MatMul",
    "Conv",
    "Attention",
    "RotaryEmbedding",
    "RMSNormalization",
    "Softmax",
    "ReduceMean",
    "Add",
    "Mul",
    "Dropout",
    "Reshape",
    "Transpose",
    "Split",

    "Concat",
    "Expand",
    "Gather",
    "Slice",
    "kareus::AllReduce",
    "kareus::AllGather",
    "custom::Op",
  ])("%s runs nothing backward when nothing arrives or nothing is wanted", (op) => {
    const asked = { inputs: { a: X, b: X, c: X } };
    expect(backward(op, { ...asked, arriving: [] })).toEqual([]);
    expect(backward(op, { ...asked, wanted: [] })).toEqual([]);
  });
});
