import type { Report } from "../base/diagnostics/diagnostic.js";
import { updatesApart } from "../base/diagnostics/graph.js";
import { isOptimizer } from "./forward-end.js";
import { nodeLabel } from "./names.js";
import type { SourceGraph, SourceNode } from "./source.js";

/** What the inputs of an optimizer are. */
interface Slots {
  readonly weights: readonly string[];
  readonly gradients: readonly string[];
  readonly states: readonly string[];
}

/** Inputs of the standard's optimizers for each weight: itself, its gradient, states. */
const STANDARD: ReadonlyMap<string, number> = new Map([
  ["ai.onnx.preview.training::Adam", 4],
  ["ai.onnx.preview.training::Adagrad", 3],
  ["ai.onnx.preview.training::Momentum", 3],
]);

const GRADIENT = "ai.onnx.preview.training::Gradient";

/** What is done to all gradients before an update, and for nothing else. */
const PREPARING: ReadonlySet<string> = new Set([
  "com.microsoft::ReduceAllL2",
  "com.microsoft::IsAllFinite",
  "com.microsoft::MixedPrecisionScale",
]);

/** The slots of an optimizer; null where its inputs are lists, or nothing is known of them. */
function slotsOf({ op, inputs }: SourceNode): Slots | null {
  const each = STANDARD.get(op);
  if (each !== undefined) {
    // Rate and step, then all weights, all gradients, all first states...
    const count = (inputs.length - 2) / each;
    const group = (index: number) => inputs.slice(2 + index * count, 2 + (index + 1) * count);
    return { weights: group(0), gradients: group(1), states: inputs.slice(2 + 2 * count) };
  }
  if (op === "com.microsoft::AdamOptimizer") {
    return {
      weights: inputs.slice(2, 3),
      gradients: inputs.slice(3, 4),
      states: inputs.slice(4, 6),
    };
  }
  if (op === "com.microsoft::SGDOptimizer") {
    return { weights: inputs.slice(1, 2), gradients: inputs.slice(2, 3), states: [] };
  }
  if (op !== "com.microsoft::LambOptimizer") return null;
  // Five numbers, then weight, gradient, two moments and a narrow copy for each.
  const every = (place: number) => inputs.filter((_, i) => i >= 5 && (i - 5) % 5 === place);
  return {
    weights: every(0),
    gradients: every(1),
    states: [...every(2), ...every(3), ...every(4)],
  };
}

/** A graph without what runs once an iteration, and what that tells of its tensors. */
interface MicrobatchGraph {
  readonly graph: SourceGraph;
  /** Tensors that a Gradient differentiates by; null: every floating tensor in the file is trained. */
  readonly trained: ReadonlySet<string> | null;
  /** States of optimizers: stored, but no parameters. */
  readonly states: ReadonlySet<string>;
}

/**
 * Takes out of a graph what does not run with every microbatch: optimizers with what prepares for
 * them and follows from them (the tail of an iteration stands for these), and the standard's
 * Gradient, which is a whole backward in one node: it is derived like any other.
 */
export function microbatchGraph(graph: SourceGraph, report: Report): MicrobatchGraph {
  const optimizers = graph.nodes.filter(({ op }) => isOptimizer(op));
  const gradients = graph.nodes.filter(({ op }) => op === GRADIENT);
  const slots = optimizers.flatMap((node) => slotsOf(node) ?? []);
  const states = new Set(slots.flatMap((each) => each.states));
  const whole: MicrobatchGraph = { graph, trained: null, states };
  const [first] = [...optimizers, ...gradients];
  if (first === undefined) return whole;
  const removed = follow(graph.nodes, new Set([...optimizers, ...gradients]));
  const kept = withoutPreparation(graph, removed);
  if (kept.length === 0) return whole;
  const made = new Set(kept.flatMap(({ outputs }) => outputs));
  const ends = [
    ...gradients.flatMap((node) => textOf(node, "y")),
    ...graph.outputs.keys(),
    ...slots.flatMap((each) => each.gradients),
  ];
  const outputs = new Map(
    ends.filter((name) => made.has(name)).map((name) => [name, typeOf(graph, name)]),
  );
  if (optimizers.length > 0) report(updatesApart(nodeLabel(first), optimizers.length));
  const trained =
    gradients.length === 0 ? null : new Set(gradients.flatMap((node) => textsOf(node, "xs")));
  return { graph: { ...graph, nodes: kept, outputs }, trained, states };
}

/** Nodes and all that is made of their results. */
function follow(
  nodes: readonly SourceNode[],
  from: ReadonlySet<SourceNode>,
): ReadonlySet<SourceNode> {
  const found = new Set<SourceNode>();
  const made = new Set<string>();
  for (const node of nodes) {
    if (!from.has(node) && !node.inputs.some((name) => made.has(name))) continue;
    found.add(node);
    for (const name of node.outputs) if (name !== "") made.add(name);
  }
  return found;
}

/** The nodes that stay, without those that only prepared gradients for what is removed. */
function withoutPreparation(
  graph: SourceGraph,
  removed: ReadonlySet<SourceNode>,
): readonly SourceNode[] {
  const kept: SourceNode[] = [];
  const read = new Set(graph.outputs.keys());
  for (const node of graph.nodes.toReversed()) {
    const idle = PREPARING.has(node.op) && !node.outputs.some((name) => read.has(name));
    if (removed.has(node) || idle) continue;
    for (const name of node.inputs) read.add(name);
    kept.push(node);
  }
  return kept.reverse();
}

function typeOf(graph: SourceGraph, name: string) {
  const type = graph.outputs.get(name) ?? graph.stated.get(name);
  return type ?? { dtype: "unknown" as const, shape: null };
}

function textOf(node: SourceNode, name: string): readonly string[] {
  const value = node.attributes[name];
  return typeof value === "string" ? [value] : [];
}

function textsOf(node: SourceNode, name: string): readonly string[] {
  const value = node.attributes[name];
  return Array.isArray(value)
    ? value.filter((each): each is string => typeof each === "string")
    : [];
}
