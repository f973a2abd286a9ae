import { at } from "../src/base/need.js";
import type { Pass } from "../src/ir/pass.js";
import { isFloating, type Tensor, type TensorNode } from "../src/ir/tensor-graph.js";
import { dtypeBytes } from "../src/ir/work.js";
import { isComputed } from "./rewriting/facts.js";
import { type GraphIndex, indexOf } from "./rewriting/graph-index.js";
import { renameInputs, withTensors } from "./rewriting/rewrite.js";

/**
 * Removes shape queries and nodes that pass their input on: Identity, waits on collectives, casts
 * between floating types that training runs in one precision, reshapes to the same shape, sums with
 * zeros, and transposes that turn nothing. Casts to another tensor's type no longer read that tensor.
 * What all readers cast to one narrower type is written in that type.
 * Needs shapes. Guarantees that recognition meets arithmetic, not export artefacts.
 *
 *   before: x -> Cast -> Pow -> ReduceMean
 *   after:  x -> Pow -> ReduceMean
 */
export const dropNoOps: Pass<"tensor", "tensor"> = {
  name: "drop-no-ops",
  from: "tensor",
  to: "tensor",
  run: (graph) => {
    const index = indexOf(graph);
    const names = new Map<string, string>();
    const narrowed: Tensor[] = [];
    const kept = graph.nodes.flatMap((node) => {
      if (READS_SHAPE.has(node.op) && !isComputed(graph, node)) return [];
      const [input, output] = [passedOn(index, node), node.outputs[0]];
      if (input === null || !output) return [withoutLikeness(node)];
      names.set(output, names.get(input) ?? input);
      if (isOnlyNarrowed(index, input, output)) {
        narrowed.push({ ...index.tensor(input), dtype: index.tensor(output).dtype });
      }
      return [];
    });
    const isSame = kept.length === graph.nodes.length && kept.every((n, i) => n === graph.nodes[i]);
    if (isSame) return graph;
    const renamed = renameInputs(graph, names, kept);
    return narrowed.length === 0 ? renamed : withTensors(renamed, narrowed);
  },
};

/** Their values are known once shapes are; dropping them frees the tensors they look at. */
const READS_SHAPE = new Set(["Shape", "Size"]);
/** Among these are the sums that traces write for operands that might have been broadcast. */
const SAME_SHAPE = new Set([
  ...["Reshape", "Expand", "Squeeze", "Unsqueeze", "Flatten", "ReduceSum", "Pad"],
]);

/** The input that a node hands on as it is; null if it does something. */
function passedOn(index: GraphIndex, node: TensorNode): string | null {
  const [input, other] = node.inputs;
  const output = node.outputs[0];
  if (!input || !output) return null;
  if (node.op === "Identity" || node.op === "kareus::Wait") return input;
  const same = (name: string) =>
    index.tensor(name).shape.join() === index.tensor(output).shape.join();
  if (/^Cast(Like)?$/.test(node.op)) return samePrecision(index, input, output) ? input : null;
  if (node.op === "Add" && other) {
    if (isZeros(index, input) && same(other)) return other;
    return isZeros(index, other) && same(input) ? input : null;
  }
  if (node.op === "Transpose") return turnsNothing(node) ? input : null;
  return SAME_SHAPE.has(node.op) && same(input) ? input : null;
}

function turnsNothing({ attributes: { perm } }: TensorNode): boolean {
  return Array.isArray(perm) && perm.every((from, axis) => from === axis);
}

/** A cast to the type of another tensor reads nothing of it, now that types are known. */
function withoutLikeness(node: TensorNode): TensorNode {
  return node.op === "CastLike" ? { ...node, op: "Cast", inputs: node.inputs.slice(0, 1) } : node;
}

function samePrecision(index: GraphIndex, input: string, output: string): boolean {
  const [from, to] = [index.tensor(input), index.tensor(output)];
  return from.dtype === to.dtype || (isFloating(from.dtype) && isFloating(to.dtype));
}

/** Whether what a node makes is only ever read in the narrower type of `output`, of two bytes or more. */
function isOnlyNarrowed(index: GraphIndex, input: string, output: string): boolean {
  const { dtype } = index.tensor(output);
  const bytes = dtypeBytes(dtype);
  if (bytes < 2 || bytes >= dtypeBytes(index.tensor(input).dtype)) return false;
  if (index.producer(input) === undefined || index.isGraphOutput(input)) return false;
  return index
    .consumers(input)
    .every(({ op, outputs }) => /^Cast/.test(op) && index.tensor(at(outputs, 0)).dtype === dtype);
}

/** Traces add gradients to a tensor that was filled with zeros. */
function isZeros(index: GraphIndex, name: string): boolean {
  const fill = index.producerOf(name, "ConstantOfShape");
  const value = fill?.attributes.value;
  if (fill === undefined || value === undefined) return fill !== undefined;
  return typeof value === "object" && "dtype" in value && value.value?.[0] === 0;
}
