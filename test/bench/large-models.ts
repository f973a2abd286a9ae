import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import onnxProto from "onnx-proto";
import { onnxModel } from "../support/onnx-builder.js";

/** Models of sizes that no repository should hold, made when they are needed. */

interface DecoderShape {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kv_heads: number;
  readonly ffn: number;
  readonly vocab: number;
}

type Node = Parameters<typeof onnxModel>[0]["nodes"][number];

/** Nodes of one layer of {@link decoderModel}. */
const NODES_PER_LAYER = 22;
/** Nodes of {@link deepModel}. */
export const DEEP_NODES = 100_000;
/** The sizes that it is to be bound to. */
export const DEEP_SIZES = ["--bind", "batch=2,sequence=128"] as const;

/** The bytes of a decoder of small layers, thousands of them. */
export function deepModel(): Uint8Array {
  const layers = Math.ceil(DEEP_NODES / NODES_PER_LAYER);
  return decoderModel({ layers, hidden: 64, heads: 4, kv_heads: 2, ffn: 128, vocab: 256 });
}

/** The bytes of a Llama-like decoder from embedded tokens to logits; weights lie outside. */
export function decoderModel(shape: DecoderShape): Uint8Array {
  const { layers, hidden, heads, kv_heads, ffn, vocab } = shape;
  const head_dim = hidden / heads;
  const nodes: Node[] = [];
  const initializers: Record<string, readonly number[]> = {};
  const weight = (name: string, dims: readonly number[]) => {
    initializers[name] = dims;
    return name;
  };
  const add = (
    op: string,
    output: string,
    inputs: readonly string[],
    attributes: NonNullable<Node["attributes"]> = {},
  ) => {
    nodes.push({ op, inputs, outputs: [output], attributes });
    return output;
  };
  const norm = (output: string, x: string) =>
    add("RMSNormalization", output, [x, weight(`${output}.w`, [hidden])], { axis: -1 });
  const linear = (output: string, x: string, dims: readonly number[]) =>
    add("MatMul", output, [x, weight(`${output}.w`, dims)]);
  const split = (output: string, x: string, count: number) => {
    const rows = add("Reshape", `${output}.rows`, [x], { shape: [0, 0, count, head_dim] });
    return add("Transpose", output, [rows], { perm: [0, 2, 1, 3] });
  };

  let x = "x";
  for (let layer = 0; layer < layers; layer++) {
    const at = (name: string) => `l${layer}.${name}`;
    const normed = norm(at("norm1"), x);
    const q = split(at("q"), linear(at("wq"), normed, [hidden, hidden]), heads);
    const k = split(at("k"), linear(at("wk"), normed, [hidden, kv_heads * head_dim]), kv_heads);
    const v = split(at("v"), linear(at("wv"), normed, [hidden, kv_heads * head_dim]), kv_heads);
    const mixed = add("Attention", at("mixed"), [q, k, v], { is_causal: 1 });
    const rows = add("Transpose", at("back"), [mixed], { perm: [0, 2, 1, 3] });
    const joined = add("Reshape", at("joined"), [rows], { shape: [0, 0, hidden] });
    x = add("Add", at("add1"), [x, linear(at("wo"), joined, [hidden, hidden])]);
    const again = norm(at("norm2"), x);
    const gate = linear(at("gate"), again, [hidden, ffn]);
    const silu = add("Mul", at("silu"), [gate, add("Sigmoid", at("sigmoid"), [gate])]);
    const wide = add("Mul", at("wide"), [silu, linear(at("up"), again, [hidden, ffn])]);
    x = add("Add", at("add2"), [x, linear(at("down"), wide, [ffn, hidden])]);
  }
  linear("logits", norm("norm", x), [hidden, vocab]);
  const inputs = { x: ["batch", "sequence", hidden] };
  return onnxModel({ inputs, outputs: ["logits"], nodes, initializers, external: "weights" });
}

const FLOAT = 1;
/** Field numbers: ModelProto.graph, GraphProto.initializer, TensorProto.raw_data. */
const [GRAPH, INITIALIZER, RAW_DATA] = [7, 5, 9];

/** Writes a model of one linear layer whose weight, in the file itself, is `bytes` of a hole. */
export function writeHugeModel(path: string, rows: number, columns: number): void {
  const { GraphProto, ModelProto, TensorProto } = onnxProto.onnx;
  const raw_bytes = 4 * rows * columns;
  const value = (name: string, last: number) => ({
    name,
    type: {
      tensorType: { elemType: FLOAT, shape: { dim: [{ dimParam: "batch" }, { dimValue: last }] } },
    },
  });
  const graph = GraphProto.encode({
    name: "huge",
    node: [{ opType: "MatMul", name: "linear", input: ["x", "w"], output: ["y"] }],
    input: [value("x", rows)],
    output: [value("y", columns)],
  }).finish();
  const tensor = TensorProto.encode({ name: "w", dims: [rows, columns], dataType: FLOAT }).finish();
  const model = ModelProto.encode({
    irVersion: 8,
    opsetImport: [{ domain: "", version: 15 }],
  }).finish();
  // Each message's last field is the next, so that the file ends in the payload.
  const payload = header(RAW_DATA, raw_bytes);
  const weight = header(INITIALIZER, tensor.length + payload.length + raw_bytes);
  const inside = graph.length + weight.length + tensor.length + payload.length;
  const start = [model, header(GRAPH, inside + raw_bytes), graph, weight, tensor, payload];
  const file = openSync(path, "w");
  const written = writeSync(file, Buffer.concat(start));
  ftruncateSync(file, written + raw_bytes);
  closeSync(file);
}

/** Tag and length of a length-delimited protobuf field. */
function header(field: number, length: number): Uint8Array {
  const bytes = [field * 8 + 2];
  for (let rest = length; ; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0));
    if (rest < 128) return Uint8Array.from(bytes);
  }
}
