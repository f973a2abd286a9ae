import type { CollectiveKind } from "../../ir/kernel-graph.js";
import { axisIn, dimOf, inputOf, numberOf, tensor, textOf } from "./call.js";
import { FREE } from "./launch.js";
import {
  type Fact,
  type InferenceCall,
  type NodeWork,
  type Operator,
  type ShapedNode,
  ShapeError,
} from "./operator.js";

/**
 * Collectives of custom exporters: the `kareus` domain (modelled on torch's functional collectives:
 * group, group_size, axis) and ONNX Runtime's, where only a group type may be given.
 */

/** ONNX Runtime's group_type numbers. */
const GROUP_TYPES = ["global", "data", "node_local_data", "cross_node_data", "horizontal", "model"];

function ranksOf(node: Pick<ShapedNode, "op" | "attributes">): number | null {
  const size = numberOf(node, "group_size", 0);
  return Number.isInteger(size) && size > 0 ? size : null;
}

function groupOf(node: Pick<ShapedNode, "op" | "attributes">): string {
  const type = GROUP_TYPES[numberOf(node, "group_type", 0)] ?? "global";
  return textOf(node, "group", node.op.startsWith("kareus::") ? "tp" : type);
}

function collectiveWork(collective: CollectiveKind): (node: ShapedNode) => NodeWork {
  return (node) => ({ kind: "collective", collective, group: groupOf(node), ranks: ranksOf(node) });
}

function neededRanks(call: InferenceCall): number {
  const ranks = ranksOf(call);
  if (ranks === null) throw new ShapeError(0, "the collective does not say its group_size");
  return ranks;
}

/** Each input makes the output of the same index: collectives take several tensors at once. */
function each(call: InferenceCall, map: (fact: Fact) => readonly number[]): readonly Fact[] {
  return call.inputs.map((_, index) => {
    const fact = inputOf(call, index);
    return tensor(fact.dtype, map(fact));
  });
}

const followEach: Operator["follow"] = (node, input, axis) =>
  node.outputs.map((_, index) => (index === input ? axis : "lost"));

const allReduce: Operator = {
  ops: [
    "kareus::AllReduce",
    "com.microsoft::NcclAllReduce",
    "com.microsoft::AllReduce",
    "com.microsoft::AdasumAllReduce",
    "com.microsoft::MegatronG",
  ],
  infer: (call) => each(call, (fact) => fact.shape),
  follow: followEach,
  work: collectiveWork("all_reduce"),
};

const allGather: Operator = {
  ops: ["kareus::AllGather", "com.microsoft::NcclAllGather", "com.microsoft::AllGather"],
  infer: (call) => {
    const ranks = neededRanks(call);
    return each(call, ({ shape }) => {
      const axis = axisIn(numberOf(call, "axis", 0), shape.length);
      return shape.map((dim, at) => (at === axis ? dim * ranks : dim));
    });
  },
  follow: followEach,
  work: collectiveWork("all_gather"),
};

const reduceScatter: Operator = {
  ops: ["kareus::ReduceScatter", "com.microsoft::NcclReduceScatter"],
  infer: (call) => {
    const ranks = neededRanks(call);
    return each(call, ({ shape }) => {
      const axis = axisIn(numberOf(call, "axis", 0), shape.length);
      if (dimOf(shape, axis) % ranks !== 0) {
        throw new ShapeError(0, `${dimOf(shape, axis)} does not scatter over ${ranks} ranks`);
      }
      return shape.map((dim, at) => (at === axis ? dim / ranks : dim));
    });
  },
  follow: followEach,
  work: collectiveWork("reduce_scatter"),
};

const allToAll: Operator = {
  ops: ["kareus::AllToAll", "com.microsoft::AllToAll"],
  infer: (call) => each(call, (fact) => fact.shape),
  follow: followEach,
  work: collectiveWork("all_to_all"),
};

/** Megatron-LM's f: nothing forward, an all-reduce of the gradient backward. */
const copyToGroup: Operator = {
  ops: ["kareus::CopyToGroup"],
  infer: (call) => each(call, (fact) => fact.shape),
  follow: followEach,
  work: () => FREE,
};

const wait: Operator = {
  ops: ["kareus::Wait"],
  infer: (call) => each(call, (fact) => fact.shape),
  follow: followEach,
  work: () => FREE,
};

/** Ring attention: a block goes on to the next rank while that of the rank before arrives. */
const ringShift: Operator = {
  ops: ["kareus::RingShift"],
  infer: (call) => each(call, (fact) => fact.shape),
  follow: followEach,
  work: collectiveWork("send"),
};

/** Send(signal, remote, tensors...) -> signal. */
const send: Operator = {
  ops: ["com.microsoft::Send"],
  infer: () => [tensor("bool", [])],
  follow: () => ["lost"],
  work: collectiveWork("send"),
};

/** Recv(signal, remote) -> signal, tensors...: the file has to state what arrives. */
const receive: Operator = {
  ops: ["com.microsoft::Recv"],
  infer: () => [tensor("bool", [])],
  follow: (node) => node.outputs.map(() => "lost"),
  work: collectiveWork("recv"),
};

const GROUPED = [allReduce, allGather, reduceScatter, allToAll, ringShift, copyToGroup];

/** The name of the group over which a node communicates, forward or backward; null: over none. */
export function collectiveGroup(node: Pick<ShapedNode, "op" | "attributes">): string | null {
  return GROUPED.some(({ ops }) => ops.includes(node.op)) ? groupOf(node) : null;
}

export const collectives: readonly Operator[] = [...GROUPED, wait, send, receive];
