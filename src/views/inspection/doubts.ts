import type { Report } from "../../base/diagnostics/diagnostic.js";
import { unrecognised } from "../../base/diagnostics/lowering.js";
import { at, need } from "../../base/need.js";
import type { Cost } from "../../ir/configuration.js";
import type { Kernel, KernelGraph } from "../../ir/kernel-graph.js";
import { type PartitionType, partitionOfKernel } from "../../ir/partition.js";
import type { TensorGraph, TensorNode } from "../../ir/tensor-graph.js";
import { bytesOf, flopsOf } from "../../ir/work.js";
import { operatorFor } from "../../onnx/operators/index.js";
import { shapedNode, workOf } from "../../onnx/operators/knowledge.js";

/** Nodes between a product and its softmax at most. */
const DEEPEST = 12;

/** What the compiler did not understand, how often, and what these launches cost. */
export interface Doubt {
  readonly what: string;
  readonly count: number;
  /** Of one microbatch on one GPU of each stage, at the highest clock. */
  readonly time_s: number;
}

interface DoubtInput {
  readonly imported: TensorGraph;
  readonly recognised: TensorGraph;
  /** The names that a name of `recognised` stands for: more than one where equal layers were left out. */
  readonly standsFor: (name: string) => readonly string[];
  readonly kernels: KernelGraph;
  readonly costOf: (partition: PartitionType) => Cost;
}

/**
 * Launches whose cost is a guess: operators that are unknown (taken to stream their operands once),
 * softmaxes of scores that were not recognised as attention, rotations by tables that were not recognised
 * as rotary embedding (a part of each head, half by half), and work that runs whole for each
 * nanobatch because its batch axis was lost.
 */
export function doubtsOf({
  imported,
  recognised,
  standsFor,
  kernels,
  costOf,
}: DoubtInput): readonly Doubt[] {
  const unknown = new Map<string, string>();
  for (const { name, op } of imported.nodes) {
    if (operatorFor(op) === undefined) unknown.set(name, `unknown operator ${op}`);
  }
  const makers = new Map(recognised.nodes.flatMap((n) => n.outputs.map((name) => [name, n])));
  const scores = new Set(
    recognised.nodes.flatMap((n) => (isOfScores(recognised, n, makers) ? standsFor(n.name) : [])),
  );
  const turned = new Set(
    recognised.nodes.flatMap((n) =>
      isTurn(recognised, n, makers) ? rotationAt(n, makers).flatMap(standsFor) : [],
    ),
  );
  const doubts = new Map<string, { count: number; time_s: number }>();
  const isPlain = unknown.size + scores.size + turned.size === 0;
  for (const kernel of kernels.kernels) {
    const sources = isPlain ? [] : kernel.nodes.map(sourceOf);
    const named = sources.map((name) => unknown.get(name)).find((what) => what !== undefined);
    const turns = sources.some((name) => turned.has(name));
    const softmax = sources.some((name) => scores.has(name)) ? "attention left unfused" : undefined;
    const rotary = turns ? "rotary embedding left unfused" : undefined;
    const what =
      named ?? softmax ?? rotary ?? (runsWhole(kernel) ? "whole for each nanobatch" : undefined);
    if (what === undefined) continue;
    const { count, time_s } = doubts.get(what) ?? { count: 0, time_s: 0 };
    const cost = costOf(partitionOfKernel(kernel));
    doubts.set(what, { count: count + 1, time_s: time_s + cost.time_s });
  }
  return [...doubts].map(([what, doubt]) => ({ what, ...doubt }));
}

/** The node of the file that a derived kernel's name refers to. */
function sourceOf(name: string): string {
  return name.replace(/\/(dgrad|wgrad|recompute)(#\d+)?$/, "");
}

/** A softmax over the keys of batched queries: a router's is over the product with a weight. */
function isOfScores(
  graph: TensorGraph,
  node: TensorNode,
  makers: ReadonlyMap<string, TensorNode>,
): boolean {
  const { tensors } = graph;
  if (node.op !== "Softmax") return false;
  const { shape } = need(tensors, at(node.outputs, 0));
  if (shape.length < 3 || at(shape, -2) === 1 || at(shape, -1) === 1) return false;
  for (let from: TensorNode | undefined = node, depth = 0; from && depth < DEEPEST; depth++) {
    const work = workOf(shapedNode(graph, from));
    if (work.kind === "kernel" && work.work.op === "matmul") {
      return from.inputs.slice(0, 2).every((name) => tensors.get(name)?.role !== "parameter");
    }
    const above: string | undefined = from.inputs.find(
      (name) => tensors.get(name)?.role === "activation",
    );
    from = above === undefined ? undefined : makers.get(above);
  }
  return true;
}

/** What takes a part of a tensor. */
const PARTS = new Set(["Slice", "Split", "Gather"]);
/** What may lie between a cosine and its use as a table. */
const PASSES = new Set(["Cast", "Unsqueeze", "Reshape", "Mul", "Expand", ...PARTS]);

/** One part of a tensor times a table plus or minus another part of it times another table. */
function isTurn(
  { tensors }: TensorGraph,
  node: TensorNode,
  makers: ReadonlyMap<string, TensorNode>,
): boolean {
  if (node.op !== "Add" && node.op !== "Sub") return false;
  const found = node.inputs.map((name) => {
    const product = makers.get(name);
    if (product?.op !== "Mul") return null;
    const isTable = (factor: string) => {
      const { role, shape } = need(tensors, factor);
      return role === "constant" ? shape.length > 1 : isAngle(factor, makers);
    };
    const table = product.inputs.find(isTable);
    const factor = product.inputs.find((name) => name !== table);
    const part = factor === undefined ? undefined : makers.get(factor);
    return table !== undefined && part && PARTS.has(part.op) ? { table, x: part.inputs[0] } : null;
  });
  const [left, right] = found;
  return left && right ? left.table !== right.table && left.x === right.x : false;
}

/** Whether a tensor is a cosine or sine, or a view of one. */
function isAngle(name: string, makers: ReadonlyMap<string, TensorNode>): boolean {
  let node = makers.get(name);
  while (node !== undefined && PASSES.has(node.op)) node = makers.get(at(node.inputs, 0));
  return node?.op === "Cos" || node?.op === "Sin";
}

/** The names of a sum and of the products that it sums. */
function rotationAt(node: TensorNode, makers: ReadonlyMap<string, TensorNode>): string[] {
  return [node.name, ...node.inputs.map((name) => need(makers, name).name)];
}

/** Half of the batch costs as much as all of it; gradients are added whole for each, and cost that. */
function runsWhole(kernel: Kernel): boolean {
  if (kernel.kind !== "compute" || kernel.nanobatch === null) return false;
  if (kernel.name.endsWith("/accumulate")) return false;
  const { work, nanobatch } = kernel;
  return flopsOf(work) === flopsOf(nanobatch) && bytesOf(work) === bytesOf(nanobatch);
}

/** Work below this share of a microbatch may be a guess without a word. */
const WORTH_A_WORD = 0.02;

/** Says it where more than 2% of a microbatch's time is costed by a guess. */
export function checkRecognised(
  doubts: readonly Doubt[],
  { name, kernels }: KernelGraph,
  kernelTime: (kernel: Kernel) => number,
  report: Report,
): void {
  const total_s = kernels.reduce((sum, kernel) => sum + kernelTime(kernel), 0);
  const guessed_s = doubts.reduce((sum, { time_s }) => sum + time_s, 0);
  if (guessed_s <= WORTH_A_WORD * total_s) return;
  const share = guessed_s / total_s;
  const largest = doubts.toSorted((a, b) => b.time_s - a.time_s);
  report(
    unrecognised(
      name,
      `${(100 * share).toFixed(0)}%`,
      largest.map(({ what }) => what),
    ),
  );
}
