import { at, need } from "../../src/base/need.js";
import type { CollectiveKind } from "../../src/ir/kernel-graph.js";
import {
  elementCount,
  type Tensor,
  type TensorGraph,
  type TensorNode,
} from "../../src/ir/tensor-graph.js";
import { dtypeBytes, flopsOf, type Work } from "../../src/ir/work.js";
import { shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import type { Launch } from "./launches.js";
import { INSTRUCTIONS } from "./pieces.js";

type Tensors = Pick<TensorGraph, "tensors">;

/** The work of a compute launch with the shapes of `tensors`. */
export function computeWork(tensors: Tensors, launch: Launch): Work {
  const [first] = launch.nodes;
  if (first === undefined) throw new Error("a launch stands for at least one node");
  const work = workOf(shapedNode(tensors, first));
  return work.kind === "kernel" ? work.work : fusedWork(tensors, launch);
}

/** Element-wise nodes in one launch: what enters is read once, what others need is written once. */
function fusedWork(tensors: Tensors, launch: Launch): Work {
  const [written = at(at(launch.nodes, -1).outputs, 0)] = launch.writes;
  // Views that overlap or repeat read no more from memory than the tensor they look at.
  const bytes_read = launch.reads.reduce(
    (sum, { source, views }) =>
      sum + Math.min(bytesOfAll(tensors, [source]), bytesOfAll(tensors, views)),
    0,
  );
  const flops = launch.nodes.reduce((sum, node) => {
    const work = workOf(shapedNode(tensors, node));
    if (work.kind === "kernel") return sum + flopsOf(work.work);
    return sum + (work.kind === "pointwise" || work.kind === "rows" ? work.flops : 0);
  }, 0);
  const elements = Math.max(
    ...launch.writes.map((name) => elementCount(need(tensors.tensors, name).shape)),
  );
  const instructions = launch.access === null ? 0 : INSTRUCTIONS[launch.access] * elements;
  return {
    op: "memory",
    class: launch.class,
    bytes_read,
    bytes_written: bytesOfAll(tensors, launch.writes),
    flops,
    ...(instructions > 0 ? { instructions } : {}),
    dtype: need(tensors.tensors, written).dtype,
  };
}

function bytesOfAll(tensors: Tensors, names: Iterable<string>): number {
  let sum = 0;
  for (const name of names) {
    const tensor = tensors.tensors.get(name);
    if (tensor !== undefined) sum += elementCount(tensor.shape) * dtypeBytes(tensor.dtype);
  }
  return sum;
}

/** Bytes of the whole tensor that a collective moves. */
export function communicationBytes(
  tensors: Tensors,
  node: TensorNode,
  collective: CollectiveKind,
): number {
  const sent = bytesOfAll(tensors, new Set(node.inputs));
  const received = bytesOfAll(tensors, new Set(node.outputs));
  // The rank with the busiest expert gets more than it sends.
  if (collective === "all_to_all") return Math.max(sent, received);
  return collective === "all_gather" || collective === "recv" ? received : sent;
}

/** A microbatch size that does not split in two; null if all do. */
export function oddBatch(graph: TensorGraph): number | null {
  for (const { role, batch_axis, shape } of graph.tensors.values()) {
    const batch = role === "data" && batch_axis !== null ? shape[batch_axis] : undefined;
    if (batch !== undefined && batch % 2 !== 0) return batch;
  }
  return null;
}

/** Whether anything has a batch axis to split. */
export function hasBatch(graph: TensorGraph): boolean {
  return [...graph.tensors.values()].some(({ batch_axis }) => batch_axis !== null);
}

/** Every tensor with its batch axis halved. */
export function splitTensors(graph: TensorGraph): ReadonlyMap<string, Tensor> {
  const halved = new Map<string, Tensor>();
  for (const [name, tensor] of graph.tensors) {
    const axis = tensor.batch_axis;
    const shape =
      axis === null ? tensor.shape : tensor.shape.map((dim, a) => (a === axis ? dim / 2 : dim));
    halved.set(name, axis === null ? tensor : { ...tensor, shape });
  }
  return halved;
}
