import { fail, type Report } from "../../src/base/diagnostics/diagnostic.js";
import {
  collectiveMisshapen,
  cutLeavesWhole,
  cutLosesWork,
} from "../../src/base/diagnostics/lowering.js";
import { at } from "../../src/base/need.js";
import {
  elementCount,
  type TensorGraph,
  type TensorNode,
  tensorOf,
} from "../../src/ir/tensor-graph.js";
import { flopsOf } from "../../src/ir/work.js";
import { shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import { isComputed } from "../rewriting/facts.js";

interface Degree {
  readonly flag: string;
  /** Over how many ranks the work of one is spread. */
  readonly ranks: number;
  /** The nodes whose work stays, where that of others may shrink; absent: all. */
  readonly only?: (node: TensorNode) => boolean;
}

/** Vocabularies and sequences that leave a remainder are rounded up; nothing is rounded down. */
const LOST = 0.005;
/** Work that stays whole below this share is not worth a word. */
const WHOLE = 0.02;

/**
 * Compares a graph with what a rank has of it: all ranks together must do the work of the linears,
 * convolutions and attention of the whole, and each collective must make the shape that it says. What
 * stays whole on every rank is named, if it is much. Fails where work is lost: such a plan would be
 * fast because it leaves out a part of the model.
 */
export function checkCut(
  whole: TensorGraph,
  local: TensorGraph,
  { flag, ranks, only }: Degree,
  report: Report,
): void {
  checkCollectives(local);
  const [before, after] = [workByNode(whole, only), workByNode(local, only)];
  const total = sum(before.values());
  if (total === 0) return;
  const share = (sum(after.values()) * ranks) / total;
  if (share < 1 - LOST) fail(cutLosesWork(whole.name, flag, percent(share)));
  if (ranks === 1) return;
  const uncut = [...after].filter(([name, flops]) => flops > 0 && flops === before.get(name));
  const left = sum(uncut.map(([, flops]) => flops)) / total;
  if (left <= WHOLE) return;
  const largest = uncut.sort(([, a], [, b]) => b - a).map(([name]) => name);
  const names = largest.slice(0, 3).join(", ") + (largest.length > 3 ? ", ..." : "");
  report(cutLeavesWhole(whole.name, flag, percent(left), names));
}

/** Floating-point operations of products, convolutions and attention, by node. */
function workByNode(graph: TensorGraph, only: Degree["only"]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const node of graph.nodes) {
    if (!isComputed(graph, node)) continue;
    const work = workOf(shapedNode(graph, node));
    if (work.kind !== "kernel" || work.work.op === "memory") continue;
    if (only === undefined || only(node)) found.set(node.name, flopsOf(work.work));
  }
  return found;
}

/** Every inserted collective makes what it says of what it takes. */
function checkCollectives(graph: TensorGraph): void {
  for (const { op, name, origin, inputs, outputs, attributes } of graph.nodes) {
    const factor = FACTORS[op];
    if (origin !== "inserted" || factor === undefined) continue;
    const [from, to] = [tensorOf(graph, at(inputs, 0)), tensorOf(graph, at(outputs, 0))];
    const size = Number(attributes.group_size);
    const wanted = elementCount(from.shape) * factor(size);
    const found = elementCount(to.shape);
    // One rank's share of what leaves a remainder is rounded up.
    const slack = op === "kareus::AllGather" || op === "kareus::ReduceScatter" ? size : 1;
    if (Math.abs(found - wanted) > slack * Math.max(1, wanted / at([...from.shape, 1], 0))) {
      fail(collectiveMisshapen(name, `${found} elements`, `${wanted}`));
    }
  }
}

/** Elements that a collective makes of each that it takes. */
const FACTORS: Readonly<Record<string, (ranks: number) => number>> = {
  "kareus::AllReduce": () => 1,
  "kareus::CopyToGroup": () => 1,
  "kareus::AllToAll": () => 1,
  "kareus::AllGather": (ranks) => ranks,
  "kareus::ReduceScatter": (ranks) => 1 / ranks,
  "kareus::ScatterToGroup": (ranks) => 1 / ranks,
};

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)}%`;
}
