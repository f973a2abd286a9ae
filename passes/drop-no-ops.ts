import type { Pass } from "../src/ir/pass.js";
import type { TensorNode } from "../src/ir/tensor-graph.js";
import { isFloating } from "../src/ir/tensor-graph.js";
import { isComputed } from "./rewriting/facts.js";
import { type GraphIndex, indexOf } from "./rewriting/graph-index.js";
import { renameInputs } from "./rewriting/rewrite.js";

/**
 * Removes shape queries and nodes that pass their input on: Identity, waits on collectives, casts
 * between floating types that training runs in one precision, reshapes to the same shape, sums with
 * zeros, and transposes that turn nothing. Casts to another tensor's type no longer read that tensor.
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
    const kept = graph.nodes.flatMap((node) => {
      if (READS_SHAPE.has(node.op) && !isComputed(graph, node)) return [];
      const [input, output] = [passedOn(index, node), node.outputs[0]];
      if (input === null || !output) return [withoutLikeness(node)];
      names.set(output, names.get(input) ?? input);
      return [];
    });
    const isSame = kept.length === graph.nodes.length && kept.every((n, i) => n === graph.nodes[i]);
    return isSame ? graph : renameInputs(graph, names, kept);
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

/** Traces add gradients to a tensor that was filled with zeros. */
function isZeros(index: GraphIndex, name: string): boolean {
  const fill = index.producerOf(name, "ConstantOfShape");
  const value = fill?.attributes.value;
  if (fill === undefined || value === undefined) return fill !== undefined;
  return typeof value === "object" && "dtype" in value && value.value?.[0] === 0;
}
