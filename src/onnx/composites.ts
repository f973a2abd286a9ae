import { at } from "../base/need.js";
import {
  attention,
  contractions,
  longformer,
  packedAttention,
  quantisedAttention,
  unpacked,
} from "./attention-composites.js";
import { type Body, type BodyOfSome, has, MOST_OPERANDS, type Part, wants } from "./composite.js";
import { numberOf, textOf } from "./operators/call.js";
import type { SourceFunction, SourceNode } from "./source.js";

/**
 * ONNX Runtime's operators that stand for several kernels, written as the nodes that they run, as if
 * the file held a function of that name. What recognition, sharding and the backward know of the
 * parts then holds for the whole.
 */

/** The body of a composite operator, for this node; undefined for every other operator. */
export function compositeOf(node: SourceNode): SourceFunction | undefined {
  const parts = BODIES.get(node.op)?.(node) ?? null;
  if (parts === null) return undefined;
  const common = { overload: "", references: {}, subgraphs: {}, opset: node.opset };
  const nodes = parts.map(([op, inputs, outputs, attributes = {}]): SourceNode => {
    const name = at(op.split("::"), -1).toLowerCase();
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

/** A gate through Swish, times the other operand. */
const swiglu: Body = (node) => {
  const alpha = numberOf(node, "alpha", 1);
  const gate: readonly Part[] =
    alpha === 1
      ? [
          ["Sigmoid", ["in0"], ["sigmoid"]],
          ["Mul", ["in0", "sigmoid"], ["gate"]],
        ]
      : [["Swish", ["in0"], ["gate"], { alpha }]];
  return [...gate, ["Mul", ["gate", "in1"], ["out0"]]];
};

/** Megatron-LM's f and g, where ONNX Runtime calls the group of tensor parallelism horizontal. */
const enterGroup: Body = (node) => [
  ["kareus::CopyToGroup", ["in0"], ["out0"], { group: "tp", ...node.attributes }],
];

/** Shards multiply where they are; where the summed axis is cut, an all-reduce adds the parts. */
const distributedProduct: BodyOfSome = (node) => {
  const ranks = ranksOfSummedAxis(node);
  if (ranks === undefined) return null;
  if (ranks === 1) return [["MatMul", ["in0", "in1"], ["out0"]]];
  return [
    ["MatMul", ["in0", "in1"], ["partial"]],
    ["kareus::AllReduce", ["partial"], ["out0"], { group: "tp", group_size: ranks }],
  ];
};

/**
 * Layouts such as `RS[0]`: each axis is replicated or split over an axis of the device mesh.
 * Undefined where the mesh has no such axis.
 */
function ranksOfSummedAxis(node: SourceNode): number | undefined {
  const [left = ""] = listOf(node, "input_shard_specs");
  const [mesh = ""] = listOf(node, "input_device_mesh_shapes");
  const split = /S\[(\d+)\]$/.exec(left);
  const sizes = [...mesh.matchAll(/\d+/g)].map(Number);
  return split === null ? 1 : sizes[Number(split[1])];
}

function listOf(node: SourceNode, name: string): readonly string[] {
  const value = node.attributes[name];
  if (!Array.isArray(value)) return [];
  return value.filter((item): item is string => typeof item === "string");
}

/** Distributed forms whose shards need nothing from each other: the plain operator on shards. */
const ON_SHARDS: readonly string[] = [
  "Reshape",
  "Slice",
  "Expand",
  "Squeeze",
  "Unsqueeze",
  "ReduceSum",
  "ReduceMean",
  "ReduceMax",
];

function onShards(op: string): Body {
  return (node) => [[op, node.inputs.map((_, index) => `in${index}`), ["out0"], node.attributes]];
}

const BODIES: ReadonlyMap<string, BodyOfSome> = new Map([
  ["Einsum", contractions],
  ["SwiGLU", swiglu],
  ...Object.entries<BodyOfSome>({
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
  }).map(([op, body]) => [`com.microsoft::${op}`, body] as const),
]);
