import type { AttributeValue } from "../ir/tensor-graph.js";
import { numberOf, numbersOf, textOf } from "./operators/call.js";
import type { SourceFunction, SourceNode } from "./source.js";

/**
 * ONNX Runtime's operators that stand for several kernels, written as the nodes that they run, as if
 * the file held a function of that name. What recognition, sharding and the backward know of the
 * parts then holds for the whole.
 */

type Attributes = Readonly<Record<string, AttributeValue>>;

/** One node of a body: operator, inputs, outputs, attributes. */
type Part = readonly [op: string, ins: readonly string[], outs: readonly string[], Attributes?];

/** Inputs are called `in0`, `in1`..., outputs `out0`, `out1`.... */
type Body = (node: SourceNode) => readonly Part[];

/** The body of a composite operator, for this node; undefined for every other operator. */
export function compositeOf(node: SourceNode): SourceFunction | undefined {
  const body = BODIES.get(node.op);
  if (body === undefined || (OF_PACKED.has(node.op) && has(node, 1))) return undefined;
  const common = { overload: "", references: {}, subgraphs: {}, opset: node.opset };
  const nodes = body(node).map(([op, inputs, outputs, attributes = {}]): SourceNode => {
    const name = (op.split("::").at(-1) ?? op).toLowerCase();
    return { ...common, name, op, inputs, outputs, attributes };
  });
  const names = (kind: string, count: number) => Array.from({ length: count }, (_, i) => kind + i);
  return {
    inputs: names("in", MOST_OPERANDS),
    outputs: names("out", node.outputs.length),
    nodes,
    defaults: {},
  };
}

/** More than any composite has: the ones that a node lacks are absent inside too. */
const MOST_OPERANDS = 16;

function has(node: SourceNode, input: number): boolean {
  return (node.inputs[input] ?? "") !== "";
}

function wants(node: SourceNode, output: number): boolean {
  return (node.outputs[output] ?? "") !== "";
}

/** Query, key and value in one projection, then attention; the cache holds keys and values. */
const attention: Body = (node) => {
  const sizes = numbersOf(node, "qkv_hidden_sizes");
  const [biased, past, present] = [has(node, 2), has(node, 4), wants(node, 1)];
  const pastNames = past ? ["past_key", "past_value"] : ["", ""];
  return [
    ["MatMul", ["in0", "in1"], ["projected"]],
    ...(biased ? [["Add", ["projected", "in2"], ["biased"]] as const] : []),
    [
      "Split",
      [biased ? "biased" : "projected"],
      ["query", "key", "value"],
      { axis: -1, ...(sizes === null ? {} : { split: sizes }) },
    ],
    ...(past ? cacheParts() : []),
    [
      "com.microsoft::MultiHeadAttention",
      ["query", "key", "value", "", "in3", "in5", ...pastNames],
      ["out0", ...(present ? ["present_key", "present_value"] : [])],
      node.attributes,
    ],
    ...(present ? presentParts() : []),
  ];
};

/** The same with a projection of scaled integers: their scales and zero points lie between. */
const quantisedAttention: Body = (node) => {
  const places = ["in0", "in1", "in2", "in5", "in8"];
  const inputs = [0, 1, 2, 5, 8].map((input) => node.inputs[input] ?? "");
  const renamed = new Map([...places.entries()].map(([i, name]) => [`in${i}`, name]));
  return attention({ ...node, inputs }).map(([op, ins, outs, attributes = {}]): Part => {
    const read = ins.map((name) => renamed.get(name) ?? name);
    if (op !== "MatMul") return [op, read, outs, attributes];
    const scaled = ["in0", "in1", "in3", "in4", "in6", "in7"];
    return ["com.microsoft::MatMulIntegerToFloat", scaled, outs];
  });
};

/** Operators whose own entry is for queries, keys and values apart. */
const OF_PACKED: ReadonlySet<string> = new Set(["com.microsoft::GroupQueryAttention"]);

/** Queries, keys and values side by side, told apart: what is known of each then holds. */
const unpacked: Body = (node) => {
  const heads = numberOf(node, "num_heads", 1);
  const kv_heads = numberOf(node, "kv_num_heads", heads);
  const rest = Array.from({ length: MOST_OPERANDS - 3 }, (_, i) => `in${i + 3}`);
  const outputs = node.outputs.map((_, i) => `out${i}`);
  const names = ["query", "key", "value"];
  return [
    ["Constant", [], ["apart"], { value_ints: [0, 0, heads + 2 * kv_heads, -1] }],
    ["Constant", [], ["flat"], { value_ints: [0, 0, -1] }],
    ["Reshape", ["in0", "apart"], ["all_heads"]],
    [
      "Split",
      ["all_heads"],
      names.map((name) => `${name}_heads`),
      { axis: 2, split: [heads, kv_heads, kv_heads] },
    ],
    ...names.map((name) => ["Reshape", [`${name}_heads`, "flat"], [name]] as const),
    [
      node.op,
      [...names, ...rest.slice(0, Math.max(0, node.inputs.length - 3))],
      outputs,
      node.attributes,
    ],
  ];
};

/** Every query sees `window` keys on either side; a few tokens that see all are left out. */
const longformer: Body = (node) => [
  ["MatMul", ["in0", "in1"], ["product"]],
  ["Add", ["product", "in2"], ["projected"]],
  ["Split", ["projected"], ["query", "key", "value"], { axis: -1 }],
  [
    "com.microsoft::MultiHeadAttention",
    ["query", "key", "value"],
    ["out0"],
    { ...node.attributes, local_window_size: 2 * numberOf(node, "window", 0) + 1 },
  ],
];

/** Keys and values of the past, stacked on the first axis. */
function cacheParts(): Part[] {
  return [
    ["Constant", [], ["first"], { value_int: 0 }],
    ["Constant", [], ["second"], { value_int: 1 }],
    ["Gather", ["in4", "first"], ["past_key"], { axis: 0 }],
    ["Gather", ["in4", "second"], ["past_value"], { axis: 0 }],
  ];
}

function presentParts(): Part[] {
  return [
    ["Unsqueeze", ["present_key"], ["stacked_key"], { axes: [0] }],
    ["Unsqueeze", ["present_value"], ["stacked_value"], { axes: [0] }],
    ["Concat", ["stacked_key", "stacked_value"], ["out1"], { axis: 0 }],
  ];
}

/** Word, position and (if given) segment embeddings, summed and normalized. */
const embedding: Body = (node) => {
  const segments = has(node, 1);
  const sum = segments ? "all" : "placed";
  return [
    ["Gather", ["in2", "in0"], ["words"], { axis: 0 }],
    ...(has(node, 8)
      ? [["Gather", ["in3", "in8"], ["places"], { axis: 0 }] as const]
      : firstRows()),
    ["Add", ["words", "places"], ["placed"]],
    ...(segments
      ? ([
          ["Gather", ["in4", "in1"], ["segments"], { axis: 0 }],
          ["Add", ["placed", "segments"], ["all"]],
        ] as const)
      : []),
    ["LayerNormalization", [sum, "in5", "in6"], ["out0"], { axis: -1, ...node.attributes }],
    ...(wants(node, 1)
      ? [
          [
            "ReduceSum",
            [has(node, 7) ? "in7" : "in0"],
            ["out1"],
            { axes: [1], keepdims: 0 },
          ] as const,
        ]
      : []),
    ...(wants(node, 2) ? [["Identity", [sum], ["out2"]] as const] : []),
  ];
};

/** The table's rows up to the length of the sequence. */
function firstRows(): Part[] {
  return [
    ["Constant", [], ["start"], { value_ints: [0] }],
    ["Shape", ["in0"], ["length"], { start: 1, end: 2 }],
    ["Slice", ["in3", "start", "length"], ["places"], { axes: [0] }],
  ];
}

/** A product with an activation behind it. */
function activated(product: string, inputs: readonly string[]): Body {
  return (node) => [
    [product, inputs, ["product"], node.attributes],
    [textOf(node, "activation", "Relu"), ["product"], ["out0"]],
  ];
}

const gemmFastGelu: Body = () => [
  ["MatMul", ["in0", "in1"], ["product"]],
  ["com.microsoft::FastGelu", ["product", "in2"], ["out0"]],
];

/** Channels last: the convolution that it is, between two changes of layout. */
const channelsLastConv: Body = (node) => [
  ["Transpose", ["in0"], ["channels_first"], { perm: [0, 3, 1, 2] }],
  ["Transpose", ["in1"], ["weights"], { perm: [0, 3, 1, 2] }],
  ["Conv", ["channels_first", "weights", "in2"], ["convolved"], node.attributes],
  ["Transpose", ["convolved"], ["out0"], { perm: [0, 2, 3, 1] }],
];

/** Megatron-LM's f and g, where ONNX Runtime calls the group of tensor parallelism horizontal. */
const enterGroup: Body = (node) => [
  ["kareus::CopyToGroup", ["in0"], ["out0"], { group: "tp", ...node.attributes }],
];

/** Shards multiply where they are; where the summed axis is cut, an all-reduce adds the parts. */
const distributedProduct: Body = (node) => {
  const ranks = ranksOfSummedAxis(node);
  if (ranks === 1) return [["MatMul", ["in0", "in1"], ["out0"]]];
  return [
    ["MatMul", ["in0", "in1"], ["partial"]],
    ["kareus::AllReduce", ["partial"], ["out0"], { group: "tp", group_size: ranks }],
  ];
};

/** Layouts such as `RS[0]`: each axis is replicated or split over an axis of the device mesh. */
function ranksOfSummedAxis(node: SourceNode): number {
  const [left = ""] = listOf(node, "input_shard_specs");
  const [mesh = ""] = listOf(node, "input_device_mesh_shapes");
  const last = left.match(/R|S\[\d+\]/g)?.at(-1) ?? "R";
  const axis = Number(/\d+/.exec(last)?.[0] ?? Number.NaN);
  const sizes = (mesh.match(/\d+/g) ?? []).map(Number);
  return last === "R" ? 1 : (sizes[axis] ?? 1);
}

function listOf(node: SourceNode, name: string): readonly string[] {
  const value = node.attributes[name];
  if (!Array.isArray(value)) return [];
  return value.filter((item): item is string => typeof item === "string");
}

/** Distributed forms whose shards need nothing from each other: the plain operator on shards. */
const ON_SHARDS: readonly string[] = [
  ...["Reshape", "Slice", "Expand", "Squeeze", "Unsqueeze"],
  ...["ReduceSum", "ReduceMean", "ReduceMax"],
];

function onShards(op: string): Body {
  return (node) => [[op, node.inputs.map((_, index) => `in${index}`), ["out0"], node.attributes]];
}

/** Sequences packed without padding: what attends is found in the token offsets. */
const packedAttention: Body = (node) => {
  const sizes = numbersOf(node, "qkv_hidden_sizes");
  return [
    ["MatMul", ["in0", "in1"], ["projected"]],
    ["Add", ["projected", "in2"], ["biased"]],
    [
      "Split",
      ["biased"],
      ["query", "key", "value"],
      { axis: -1, ...(sizes === null ? {} : { split: sizes }) },
    ],
    [
      "com.microsoft::PackedMultiHeadAttention",
      ["query", "key", "value", "", "in3", "in4", "in5"],
      ["out0"],
      { num_heads: numberOf(node, "num_heads", 0) },
    ],
  ];
};

const BODIES: ReadonlyMap<string, Body> = new Map(
  Object.entries({
    Attention: attention,
    DecoderMaskedSelfAttention: attention,
    GroupQueryAttention: unpacked,
    QAttention: quantisedAttention,
    LongformerAttention: longformer,
    PackedAttention: packedAttention,
    EmbedLayerNormalization: embedding,
    GemmFastGelu: gemmFastGelu,
    FusedGemm: activated("Gemm", ["in0", "in1", "in2"]),
    FusedMatMulActivation: activated("com.microsoft::FusedMatMul", ["in0", "in1"]),
    NhwcConv: channelsLastConv,
    MegatronF: enterGroup,
    DistributedMatMul: distributedProduct,
    ...Object.fromEntries(ON_SHARDS.map((op) => [`Distributed${op}`, onShards(op)])),
  }).map(([op, body]) => [`com.microsoft::${op}`, body]),
);
