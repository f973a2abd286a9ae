import { fail, type Report } from "../../base/diagnostics/diagnostic.js";
import { shapeNotInferred, unknownOperator } from "../../base/diagnostics/graph.js";
import { elementCount } from "../../ir/tensor-graph.js";
import { nameAt, nodeLabel } from "../names.js";
import { operatorFor } from "../operators/index.js";
import { type Fact, type InferenceCall, type Operator, ShapeError } from "../operators/operator.js";
import { PRODUCTS } from "../roles/operator-kinds.js";
import type { SourceNode } from "../source.js";
import { Expectations } from "./expected.js";
import { type StatedShapes, UNUSED } from "./stated.js";

/**
 * What a node makes of what it reads: by the rule of its operator, else by what the file states or the
 * user expects; of an operator that is not known, by what the file states or its largest input.
 */
export class NodeFacts {
  readonly #facts: ReadonlyMap<string, Fact>;
  readonly #stated: StatedShapes;
  readonly #expectations: Expectations;
  readonly #unknown = new Map<string, { node: string; count: number }>();

  constructor(facts: ReadonlyMap<string, Fact>, stated: StatedShapes, expectations: Expectations) {
    this.#facts = facts;
    this.#stated = stated;
    this.#expectations = expectations;
  }

  /** Types, shapes and small values of a node's results. A shape that cannot be known: KRS1302. */
  of(node: SourceNode): readonly Fact[] {
    const inputs = node.inputs.map((name) => this.#facts.get(name) ?? null);
    const operator = operatorFor(node.op);
    if (operator === undefined) return this.#assume(node, inputs);
    const call: InferenceCall = { ...node, name: nodeLabel(node), inputs };
    try {
      return this.#complete(node, operator.infer(call));
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      const known = this.#stated.factsOf(node) ?? this.#expectations.factsOf(node, inputs);
      if (known !== null && fits(operator, call, known)) return known;
      const input = nameAt(node.inputs, error.input);
      const counts = Expectations.counts(node);
      return fail(shapeNotInferred(nodeLabel(node), node.op, input, error.message, counts));
    }
  }

  /** Outputs beyond those an operator knows take the file's shapes, if it states them. */
  #complete(node: SourceNode, facts: readonly Fact[]): readonly Fact[] {
    if (facts.length >= node.outputs.length) return facts;
    return node.outputs.map((name, index) => {
      const fact = facts[index] ?? (name === "" ? UNUSED : this.#stated.factOf(name));
      if (fact !== null) return fact;
      return fail(shapeNotInferred(nodeLabel(node), node.op, "", `output ${index} is unexpected`));
    });
  }

  /** Unknown operators: the file's shapes, else those of the largest input. */
  #assume(node: SourceNode, inputs: readonly (Fact | null)[]): readonly Fact[] {
    const seen = this.#unknown.get(node.op);
    if (seen === undefined) this.#unknown.set(node.op, { node: nodeLabel(node), count: 1 });
    else seen.count += 1;
    const stated = this.#stated.factsOf(node);
    if (stated !== null) return stated;
    let largest: Fact | null = null;
    for (const input of inputs) {
      if (input === null) continue;
      if (largest === null || elementCount(input.shape) > elementCount(largest.shape)) {
        largest = input;
      }
    }
    if (largest === null) {
      return fail(shapeNotInferred(nodeLabel(node), node.op, "", "the operator is unknown"));
    }
    const { dtype, shape } = largest;
    return node.outputs.map((name) => this.#stated.factOf(name) ?? { dtype, shape, value: null });
  }

  /** Operators that are not known, each kind once. */
  reportUnknown(report: Report): void {
    for (const [op, { node, count }] of this.#unknown) report(unknownOperator(op, node, count));
  }
}

/**
 * Whether operands fit what an operator does: a product's work is not told by its results alone, nor where
 * a transpose takes each axis.
 */
function fits(operator: Operator, call: InferenceCall, results: readonly Fact[]): boolean {
  if (call.op === "Transpose") return false;
  if (!PRODUCTS.has(call.op)) return true;
  const operand = (fact: Fact | null) => fact && { ...fact, role: "activation" as const };
  const node = { ...call, inputs: call.inputs.map(operand), outputs: results.map(operand) };
  return operator.work(node).kind === "kernel";
}
