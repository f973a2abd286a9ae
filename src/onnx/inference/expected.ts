import type { Report } from "../../base/diagnostics/diagnostic.js";
import { assumedSize, balancedExperts, unusedExpectation } from "../../base/diagnostics/graph.js";
import { elementCount } from "../../ir/tensor-graph.js";
import { nameAt, nodeLabel } from "../names.js";
import { axisIn, numberOf } from "../operators/call.js";
import type { Fact } from "../operators/operator.js";
import { Routing } from "../routing.js";
import type { SourceGraph, SourceNode } from "../source.js";
import { Told } from "../told.js";

type Inputs = readonly (Fact | null)[];

/** The outputs of an operator that keeps `count` of what it looks through; null: not such a one. */
const COUNTING: ReadonlyMap<
  string,
  (node: SourceNode, inputs: Inputs, count: number) => readonly Fact[] | null
> = new Map([
  ["NonZero", (_node, [x], n) => (x ? [counted("int64", [x.shape.length, n])] : null)],
  ["NonMaxSuppression", (_node, _inputs, n) => [counted("int64", [n, 3])]],
  ["Range", (_node, [start], n) => (start ? [counted(start.dtype, [n])] : null)],
  ["Compress", (node, [x], n) => (x ? [counted(x.dtype, alongAxis(node, x.shape, n))] : null)],
  ["Unique", uniqueFacts],
]);

function counted(dtype: Fact["dtype"], shape: readonly number[]): Fact {
  return { dtype, shape, value: null };
}

function alongAxis(node: SourceNode, shape: readonly number[], n: number): readonly number[] {
  if (node.attributes.axis === undefined) return [n];
  const axis = axisIn(numberOf(node, "axis", 0), shape.length);
  return shape.map((dim, at) => (at === axis ? n : dim));
}

function uniqueFacts(node: SourceNode, [x]: Inputs, n: number): readonly Fact[] | null {
  if (!x) return null;
  const all = node.attributes.axis === undefined ? elementCount(x.shape) : x.shape[0];
  const each = counted("int64", [n]);
  return [counted(x.dtype, alongAxis(node, x.shape, n)), each, counted("int64", [all ?? n]), each];
}

/**
 * Sizes that only the run knows: what the user expects of them, by the name of the node or of one of
 * its outputs; else an equal share for each expert of a routing. Each is said to be an assumption.
 */
export class Expectations {
  readonly #given: Told<number>;
  readonly #graph: SourceGraph;
  readonly #facts: ReadonlyMap<string, Fact>;
  readonly #report: Report;
  /** Made when it is first asked: few graphs route. */
  #routing: Routing | null = null;
  #balanced = false;

  constructor(
    given: ReadonlyMap<string, number>,
    graph: SourceGraph,
    facts: ReadonlyMap<string, Fact>,
    report: Report,
  ) {
    this.#given = new Told(given);
    this.#graph = graph;
    this.#facts = facts;
    this.#report = report;
  }

  /** Whether a node finds as many elements as data says. */
  static counts({ op }: SourceNode): boolean {
    return COUNTING.has(op);
  }

  /** The outputs of a node whose number of elements depends on data; null where nothing is expected. */
  factsOf(node: SourceNode, inputs: Inputs): readonly Fact[] | null {
    const facts = COUNTING.get(node.op);
    if (facts === undefined) return null;
    const count = this.#givenFor(node) ?? this.#share(node);
    return count === null ? null : facts(node, inputs, count);
  }

  /** A whole number that is computed from data, as it is expected. */
  valueOf(node: SourceNode, name: string, fact: Fact): Fact {
    if (fact.value !== null || elementCount(fact.shape) !== 1) return fact;
    const value = /int/.test(fact.dtype) ? this.#take(node, name) : null;
    return value === null ? fact : { ...fact, value: [value] };
  }

  /** Experts of which nothing is known are taken to get equal shares. */
  assumeBalanced(node: SourceNode, experts: number): void {
    if (!this.#balanced) this.#report(balancedExperts(nodeLabel(node), experts));
    this.#balanced = true;
  }

  reportUnused(): void {
    for (const name of this.#given.left()) this.#report(unusedExpectation(name));
  }

  /** What was expected of sizes that the graph has. */
  used(): ReadonlyMap<string, number> {
    return this.#given.taken();
  }

  #givenFor(node: SourceNode): number | null {
    for (const name of [nodeLabel(node), ...node.outputs]) {
      const count = this.#take(node, name);
      if (count !== null) return count;
    }
    return null;
  }

  #take(node: SourceNode, name: string): number | null {
    const isNew = !this.#given.isTaken(name);
    const count = this.#given.take(name);
    if (count === undefined) return null;
    if (isNew) this.#report(assumedSize(nodeLabel(node), node.op, count));
    return count;
  }

  #share(node: SourceNode): number | null {
    if (node.op !== "NonZero") return null;
    this.#routing ??= new Routing(this.#graph, this.#facts);
    const routed = this.#routing.of(nameAt(node.inputs, 0));
    if (routed === null) return null;
    this.assumeBalanced(node, routed.experts);
    return Math.ceil(routed.choices / routed.experts);
  }
}
