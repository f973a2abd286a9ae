import { at } from "../../src/base/need.js";
import { elementCount, type TensorGraph, type TensorNode } from "../../src/ir/tensor-graph.js";
import { shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import { type GraphIndex, indexOf, otherInput } from "../rewriting/graph-index.js";
import { inDependencyOrder } from "../rewriting/rewrite.js";
import type { Entrances } from "./entrances.js";

/** A graph with the nodes whose first result is a partial sum on each rank. */
interface Pending {
  readonly graph: TensorGraph;
  readonly partial: ReadonlySet<TensorNode>;
  /** Whole activations that meet partial sums, and where: their gradients are partial too. */
  readonly met: Entrances;
}

/**
 * Puts off sums over ranks: what is linear in a partial sum works on that as well, so where it makes
 * less of it (experts' results weighted and added) the sum comes behind. Partial sums that are added
 * to one another are added first, and summed over the ranks together: attention beside a
 * feed-forward block on one residual stream.
 */
export function putOffSums(
  graph: TensorGraph,
  partial: ReadonlySet<TensorNode>,
  isSharded: (node: TensorNode) => boolean,
): Pending {
  const sunk = sink(indexOf(graph), partial, isSharded);
  const added = addFirst(graph, sunk.partial);
  return { ...added, met: sunk.met };
}

const MOST_STEPS = 6;

/** Moves each sum behind what reads its tensor alone and makes less of it. */
function sink(
  index: GraphIndex,
  partial: ReadonlySet<TensorNode>,
  isSharded: (node: TensorNode) => boolean,
): { partial: ReadonlySet<TensorNode>; met: Entrances } {
  const moved = new Set<TensorNode>();
  const met = new Map<string, Set<TensorNode>>();
  for (const node of partial) {
    let [best, least] = [node, sizeOf(index, at(node.outputs, 0))];
    const others: (readonly [string, TensorNode])[] = [];
    let metThere: typeof others = [];
    let current = node;
    for (let step = 0; step < MOST_STEPS; step++) {
      const next = index.soleConsumer(current);
      const linear = next && linearIn(index, next, at(current.outputs, 0));
      if (next === undefined || !linear || next.outputs.length !== 1) break;
      if (partial.has(next) || isSharded(next)) break;
      for (const other of linear.others) others.push([other, next]);
      current = next;
      const size = sizeOf(index, at(next.outputs, 0));
      if (size >= least) continue;
      [best, least, metThere] = [next, size, [...others]];
    }
    moved.add(best);
    for (const [name, reader] of metThere) {
      met.set(name, (met.get(name) ?? new Set()).add(reader));
    }
  }
  return { partial: moved, met };
}

const LINEAR = new Set([
  ...["Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Cast", "Neg"],
  ...["ReduceSum", "ReduceMean", "Slice", "Expand", "Gather", "GatherElements", "GatherND"],
]);

/** The other activations of a node that is linear in a tensor; null if it is not. */
function linearIn(
  index: GraphIndex,
  node: TensorNode,
  name: string,
): { readonly others: readonly string[] } | null {
  if (node.direction !== "forward" || node.inputs.filter((each) => each === name).length !== 1) {
    return null;
  }
  if (LINEAR.has(node.op)) return node.inputs[0] === name ? { others: [] } : null;
  const work = workOf(shapedNode(index.graph, node));
  const product = work.kind === "kernel" && work.work.op === "matmul" && node.inputs.length === 2;
  const scales = node.op === "Mul" || (node.op === "Div" && node.inputs[0] === name);
  const other = product || scales ? otherInput(node, name) : undefined;
  if (other === undefined || index.tensor(other).role === "parameter") return null;
  return { others: index.tensor(other).role === "activation" ? [other] : [] };
}

/** Adds what is partial first, wherever two or more partial sums meet in additions. */
function addFirst(
  graph: TensorGraph,
  partial: ReadonlySet<TensorNode>,
): { graph: TensorGraph; partial: ReadonlySet<TensorNode> } {
  const index = indexOf(graph);
  const pending = new Set(partial);
  const replaced = new Map<TensorNode, TensorNode>();
  for (const root of graph.nodes) {
    if (root.op !== "Add" || isInside(index, root)) continue;
    const { members, leaves } = additions(index, root);
    const makers = leaves.map((leaf) => partialBehind(index, leaf, pending));
    const sums = leaves.filter((_, i) => makers[i] !== null);
    if (sums.length < 2) continue;
    for (const maker of makers) if (maker !== null) pending.delete(maker);
    const ordered = [...sums, ...leaves.filter((_, i) => makers[i] === null)];
    let before = at(ordered, 0);
    for (const [i, member] of members.entries()) {
      const added = { ...member, inputs: [before, at(ordered, i + 1)] };
      replaced.set(member, added);
      if (i === sums.length - 2) pending.add(added);
      before = at(member.outputs, 0);
    }
  }
  if (replaced.size === 0) return { graph, partial: pending };
  const nodes = graph.nodes.map((node) => replaced.get(node) ?? node);
  return { graph: inDependencyOrder({ ...graph, nodes }), partial: pending };
}

/** Whether a sum only goes on into another one of the same size. */
function isInside(index: GraphIndex, add: TensorNode): boolean {
  const next = index.soleConsumer(add, "Add");
  return next !== undefined && shapeOf(index, next) === shapeOf(index, add);
}

/** The additions that end at one, in the graph's order, and what they add. */
function additions(
  index: GraphIndex,
  root: TensorNode,
): { members: readonly TensorNode[]; leaves: readonly string[] } {
  const members: TensorNode[] = [];
  const leaves: string[] = [];
  const shape = shapeOf(index, root);
  const visit = (add: TensorNode): void => {
    members.push(add);
    for (const name of add.inputs) {
      const inner = index.producerOf(name, "Add");
      const own = inner !== undefined && isInside(index, inner) && shapeOf(index, inner) === shape;
      if (own) visit(inner);
      else leaves.push(name);
    }
  };
  visit(root);
  const even = leaves.every((name) => index.tensor(name).shape.join() === shape);
  return even ? { members: index.inOrder(members), leaves } : { members: [], leaves: [] };
}

/** The node whose partial sum a tensor is, in whatever shape, if nothing else reads it. */
function partialBehind(
  index: GraphIndex,
  name: string,
  partial: ReadonlySet<TensorNode>,
): TensorNode | null {
  let node = index.producer(name);
  for (let step = 0; node !== undefined && step < MOST_STEPS; step++) {
    if (index.soleConsumer(node) === undefined) return null;
    if (partial.has(node)) return node;
    const [input = ""] = node.inputs;
    const linear = input === "" ? null : linearIn(index, node, input);
    if (linear === null || linear.others.length > 0) return null;
    node = index.producer(input);
  }
  return null;
}

function shapeOf(index: GraphIndex, { outputs }: TensorNode): string {
  return index.tensor(at(outputs, 0)).shape.join();
}

function sizeOf(index: GraphIndex, name: string): number {
  return elementCount(index.tensor(name).shape);
}
