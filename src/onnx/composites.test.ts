import { describe, expect, test } from "vitest";
import {
  type Fields,
  modelBytes,
  node,
  type Reading,
  read,
  temporaryFile,
  value,
} from "../../test/support/onnx-model.js";

const file = temporaryFile();

function reading(graph: Fields): Reading {
  return read(file(modelBytes({ name: "g", ...graph })), { batch: 2 });
}

const runtime = (
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Fields = {},
) => node(op, inputs, outputs, attributes, { domain: "com.microsoft", name: "n" });
const weights = (name: string, dims: readonly number[]) => ({ name, dims, dataType: 1 });
const opsOf = ({ graph }: Reading) => graph?.nodes.map(({ op }) => op.replace(/^.*::/, ""));
const shapeOf = ({ graph }: Reading, name: string) => graph?.tensors.get(name)?.shape;

const x = value("x", ["batch", 16, 64]);

describe("operators of several kernels", () => {
  const projection = [weights("w", [64, 96]), weights("b", [96])];

  test("attention with its projection; keys and values may have another width", () => {
    const packed = runtime("Attention", ["x", "w", "b"], ["y", "present"], {
      ...{ num_heads: 4, unidirectional: 1, qkv_hidden_sizes: [32, 32, 32] },
    });
    const found = reading({ input: [x], initializer: projection, node: [packed] });
    expect(found.warnings).toEqual([]);
    expect(opsOf(found)).toEqual([
      "MatMul",
      "Add",
      "Split",
      "MultiHeadAttention",
      "Unsqueeze",
      "Unsqueeze",
      "Concat",
    ]);
    expect(shapeOf(found, "y")).toEqual([2, 16, 32]);
    expect(shapeOf(found, "present")).toEqual([2, 2, 4, 16, 8]);
    expect(found.graph?.nodes[3]?.attributes).toMatchObject({ num_heads: 4, unidirectional: 1 });
  });

  test("attention with a quantised projection, and with a window on both sides", () => {
    const quantised = runtime("QAttention", ["x", "w", "b", "s", "s", "", "z", "z"], ["y"], {
      ...{ num_heads: 4, unidirectional: 1 },
    });
    const scale = { name: "s", dims: [], dataType: 1, floatData: [1] };
    const zero = { name: "z", dims: [], dataType: 2, int32Data: [0] };
    const q = reading({
      input: [x],
      initializer: [...projection, scale, zero],
      node: [quantised],
    });
    expect(q.errors).toEqual([]);
    expect(opsOf(q)).toEqual(["MatMulIntegerToFloat", "Add", "Split", "MultiHeadAttention"]);
    expect(shapeOf(q, "y")).toEqual([2, 16, 32]);
    const inputs = ["x", "w", "b"];
    const long = runtime("LongformerAttention", inputs, ["y"], { num_heads: 4, window: 3 });
    const found = reading({ input: [x], initializer: projection, node: [long] });
    expect(found.graph?.nodes.at(-1)?.attributes).toMatchObject({ local_window_size: 7 });
    expect(shapeOf(found, "y")).toEqual([2, 16, 32]);
  });

  test("an Einsum of three operands is two, each with the axes that are still needed", () => {
    const found = reading({
      input: [value("h", ["batch", 4, 3, 8]), value("w", [4, 8, 5]), value("m", ["batch", 3, 4])],
      node: [node("Einsum", ["h", "w", "m"], ["y"], { equation: "benf, efc, bne->bnc" })],
    });
    expect(found.graph?.nodes.map(({ attributes }) => attributes.equation)).toEqual([
      ...["benf,efc->benc", "benc,bne->bnc"],
    ]);
    expect(shapeOf(found, "y")).toEqual([2, 3, 5]);
  });

  test("an Einsum that is one product has its axes put in order, others stay", () => {
    const einsum = (equation: string, second: readonly (number | string)[]) =>
      reading({
        input: [value("q", ["batch", 16, 4, 8]), value("k", second)],
        node: [node("Einsum", ["q", "k"], ["y"], { equation }, { name: "n" })],
      });
    const scores = einsum("bqhd, bkhd -> bhqk", ["batch", 12, 4, 8]);
    expect(opsOf(scores)).toEqual(["Transpose", "Transpose", "MatMul", "Identity"]);
    expect(shapeOf(scores, "y")).toEqual([2, 4, 16, 12]);
    expect(shapeOf(einsum("bqhd,dn->bqhn", [8, 5]), "y")).toEqual([2, 16, 4, 5]);
    for (const [equation, second] of [
      ["bqhd,bkhd->hqk", ["batch", 12, 4, 8]],
      ["bqhd,hdn->bqn", [4, 8, 5]],
      ["bqhd,bqhd->bqhd", ["batch", 16, 4, 8]],
    ] as const) {
      expect(opsOf(einsum(equation, second))).toEqual(["Einsum"]);
    }
  });

  test("packed queries, keys and values are told apart", () => {
    const packed = runtime("GroupQueryAttention", ["x", "", "", "", "", "n", "t"], ["y"], {
      ...{ num_heads: 4, kv_num_heads: 2 },
    });
    const found = reading({
      input: [x, value("n", ["batch"], 6), value("t", [], 6)],
      node: [packed],
    });
    expect(found.errors).toEqual([]);
    expect(opsOf(found)?.filter((op) => op !== "Constant")).toEqual([
      "Reshape",
      "Split",
      "Reshape",
      "Reshape",
      "Reshape",
      "GroupQueryAttention",
    ]);
    const [query, key] = found.graph?.nodes.at(-1)?.inputs ?? [];
    expect([shapeOf(found, query ?? ""), shapeOf(found, key ?? "")]).toEqual([
      [2, 16, 32],
      [2, 16, 16],
    ]);
    expect(shapeOf(found, "y")).toEqual([2, 16, 32]);
  });

  test("attention with a past reads both halves of the cache", () => {
    const inputs = ["x", "w", "b", "", "past"];
    const past = value("past", [2, "batch", 4, 12, 8]);
    const cached = runtime("Attention", inputs, ["y", "present"], { num_heads: 4 });
    const found = reading({ input: [x, past], initializer: projection, node: [cached] });
    expect(shapeOf(found, "present")).toEqual([2, 2, 4, 28, 8]);
  });

  test("embeddings of words, places and segments, normalized", () => {
    const ids = value("ids", ["batch", 16], 7);
    const tables = [weights("words", [100, 64]), weights("places", [512, 64])];
    const norm = [weights("gamma", [64]), weights("beta", [64])];
    const embed = runtime(
      "EmbedLayerNormalization",
      ["ids", "", "words", "places", "", "gamma", "beta"],
      ["y", "mask"],
    );
    const found = reading({ input: [ids], initializer: [...tables, ...norm], node: [embed] });
    expect(found.warnings).toEqual([]);
    expect(shapeOf(found, "y")).toEqual([2, 16, 64]);
    expect(shapeOf(found, "mask")).toEqual([2]);
    expect(opsOf(found)?.filter((op) => op === "Gather" || op === "Slice")).toHaveLength(2);
  });

  test("products with an activation behind", () => {
    const gelu = runtime("GemmFastGelu", ["x", "w", "b"], ["y"]);
    expect(opsOf(reading({ input: [x], initializer: projection, node: [gelu] }))).toEqual([
      "MatMul",
      "FastGelu",
    ]);
    const fused = runtime("FusedMatMulActivation", ["x", "w"], ["y"], { activation: "Tanh" });
    expect(opsOf(reading({ input: [x], initializer: projection, node: [fused] }))).toEqual([
      "FusedMatMul",
      "Tanh",
    ]);
  });

  test("a distributed product sums over the mesh axis that cuts the summed axis", () => {
    const layout = (left: string) => ({
      input_shard_specs: { strings: [left, "S[1]R"].map((text) => Buffer.from(text)), type: 8 },
      input_device_mesh_shapes: { strings: ["[2, 4]"].map((text) => Buffer.from(text)), type: 8 },
    });
    const of = (left: string) => {
      const product = runtime("DistributedMatMul", ["x", "w"], ["y"], layout(left));
      return reading({ input: [x], initializer: projection, node: [product] });
    };
    expect(opsOf(of("RRS[1]"))).toEqual(["MatMul", "AllReduce"]);
    expect(of("RRS[1]").graph?.nodes[1]?.attributes.group_size).toBe(4);
    expect(opsOf(of("RRR"))).toEqual(["MatMul"]);
  });

  test("a function of the file by that name wins", () => {
    const own = {
      ...{ name: "GemmFastGelu", domain: "com.microsoft", input: ["a"], output: ["b"] },
      node: [node("Relu", ["a"], ["b"])],
    };
    const bytes = modelBytes(
      { input: [x], node: [runtime("GemmFastGelu", ["x"], ["y"])] },
      { functions: [own] },
    );
    expect(opsOf(read(file(bytes), { batch: 2 }))).toEqual(["Relu"]);
  });
});
