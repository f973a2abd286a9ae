import type { Report } from "../../src/base/diagnostics/diagnostic.js";
import { backwardsUnlike, backwardUnlike } from "../../src/base/diagnostics/lowering.js";
import { addTo } from "../../src/base/need.js";
import type { TensorGraph, TensorNode } from "../../src/ir/tensor-graph.js";
import { flopsOf, type Work } from "../../src/ir/work.js";
import { shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import { isComputed } from "../rewriting/facts.js";
import { type GraphIndex, indexOf } from "../rewriting/graph-index.js";

/** An attention does five products for its two. */
const ATTENTION = 2.5;
/** What backward may do of what is expected: masks, copies of the scores made again. */
const LEAST = 0.9;
const MOST = 1.3;
/** Operators below this share of all backward work are not worth a word. */
const WORTH_A_WORD = 0.01;

/** Work of forward nodes that share a weight, and what backward does for them. */
interface Operator {
  readonly name: string;
  /** What backward reads beside the weight: gradients of results. */
  readonly gradients: Set<string>;
  forward: number;
  expected: number;
  backward: number;
}

/**
 * Reports a graph whose own backward does far less or more than its forward asks for, a product once
 * again for each operand that is no data: as a whole, and the operators for which it does so.
 */
export function checkBackward(graph: TensorGraph, report: Report): void {
  const { operators, unowned } = operatorsOf(graph);
  const sum = (amount: (operator: Operator) => number) =>
    operators.reduce((total, each) => total + amount(each), 0);
  const forward = sum((each) => each.forward);
  const expected = sum((each) => each.expected);
  const backward = sum((each) => each.backward) + unowned;
  if (expected === 0) return;
  if (isUnlike({ backward, expected })) {
    const [found, wanted] = [backward, expected].map((flops) => (flops / forward).toFixed(2));
    report(backwardUnlike(graph.name, `${found}`, `${wanted} times is expected`));
  }
  const isMuch = (each: Operator) =>
    Math.abs(each.backward - each.expected) > WORTH_A_WORD * expected;
  const unlike = operators.filter((each) => isUnlike(each) && isMuch(each));
  if (unlike.length > 0) report(backwardsUnlike(graph.name, unlike.map(inWords)));
}

function isUnlike({ backward, expected }: Pick<Operator, "backward" | "expected">): boolean {
  return backward < LEAST * expected || backward > MOST * expected;
}

function inWords({ name, forward, backward, expected }: Operator): string {
  const times = (flops: number) => (flops / forward).toFixed(2);
  return `${name} (${times(backward)}, not ${times(expected)})`;
}

/** A product of backward that reads no weight. */
interface Loose {
  readonly roots: readonly string[];
  readonly flops: number;
}

/**
 * Linears, convolutions and attentions with the backward work that is theirs: what reads their weight,
 * else what reads most of their operands. What is left of backward belongs to none that is known.
 */
function operatorsOf(graph: TensorGraph) {
  const index = indexOf(graph);
  const operators: Operator[] = [];
  const readers = new Map<string, Set<Operator>>();
  const byWeight = new Map<string, Operator>();
  const loose: Loose[] = [];
  const isWeight = (name: string) => graph.tensors.get(name)?.role === "parameter";
  for (const node of graph.nodes) {
    const work = productOf(graph, node);
    if (work === null) continue;
    const flops = flopsOf(work);
    const roots = node.inputs.filter((name) => name !== "").map((name) => rootOf(index, name));
    const weight = roots.find(isWeight);
    const known = weight === undefined ? undefined : byWeight.get(weight);
    if (node.direction === "backward") {
      if (known === undefined) {
        loose.push({ roots, flops });
        continue;
      }
      known.backward += flops;
      for (const root of roots) known.gradients.add(root);
      continue;
    }
    const zero = { forward: 0, expected: 0, backward: 0 };
    const operator = known ?? { name: node.name, gradients: new Set<string>(), ...zero };
    if (known === undefined) operators.push(operator);
    if (weight !== undefined) byWeight.set(weight, operator);
    operator.forward += flops;
    operator.expected += flops * timesExpected(graph, node, work);
    for (const root of roots) readers.set(root, (readers.get(root) ?? new Set()).add(operator));
  }
  const left = loose.filter((each) => !assigned(each, readers));
  return { operators, unowned: left.reduce((sum, { flops }) => sum + flops, 0) };
}

/**
 * Adds a product's work to the operator that shares most with it; of several that read one tensor, to that
 * whose gradient it reads too. Where these are the same, each has its part.
 */
function assigned({ roots, flops }: Loose, readers: ReadonlyMap<string, Set<Operator>>): boolean {
  const votes = new Map<Operator, number>();
  for (const root of roots) {
    for (const operator of readers.get(root) ?? []) {
      const own = roots.some((each) => each !== root && operator.gradients.has(each));
      addTo(votes, operator, own ? 2 : 1);
    }
  }
  const most = Math.max(...votes.values());
  const owners = [...votes].filter(([, count]) => count === most);
  for (const [operator] of owners) operator.backward += flops / owners.length;
  return owners.length > 0;
}

/** The work of a product, convolution or attention; null for what is none, and for what is done once. */
function productOf(graph: TensorGraph, node: TensorNode): Work | null {
  if (!isComputed(graph, node)) return null;
  const done = workOf(shapedNode(graph, node));
  if (done.kind !== "kernel" || done.work.op === "memory") return null;
  return flopsOf(done.work) > 0 ? done.work : null;
}

function timesExpected(graph: TensorGraph, node: TensorNode, work: Work): number {
  if (work.op === "attention") return ATTENTION;
  const trained = node.inputs.slice(0, 2).filter((name) => {
    const role = graph.tensors.get(name)?.role;
    return role === "parameter" || role === "activation";
  });
  return trained.length;
}

/** The tensor that another is a view or another precision of. */
function rootOf(index: GraphIndex, name: string): string {
  const maker = index.producer(name);
  if (maker === undefined) return name;
  const { kind } = workOf(shapedNode(index.graph, maker));
  const [input] = maker.inputs;
  const isLayout = kind === "free" || maker.op === "Transpose" || maker.op === "Cast";
  return isLayout && input !== undefined && input !== "" ? rootOf(index, input) : name;
}
