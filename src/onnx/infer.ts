import { fail, type Report } from "../base/diagnostics/diagnostic.js";
import {
  balancedExperts,
  controlFlow,
  shapeDisagreement,
  shapeNotInferred,
  tensorSequence,
  tooManyNodes,
  unknownOperator,
} from "../base/diagnostics/graph.js";
import { elementCount } from "../ir/tensor-graph.js";
import type { Binding } from "./bind.js";
import { NODE_LIMIT } from "./inline.js";
import { definedIn, type NameScope, nameAt, nodeLabel, renameTensors } from "./names.js";
import { operatorFor } from "./operators/index.js";
import { type Fact, type InferenceCall, ShapeError } from "./operators/operator.js";
import { orderNodes } from "./order.js";
import { Routing } from "./routing.js";
import type { SourceGraph, SourceNode, SourceType } from "./source.js";
import { checkedShape } from "./tensor-data.js";

/**
 * Infers type, shape and small values of every tensor of ordered nodes, starting from `facts` (which
 * is extended). Returns the nodes in order with branches taken. Fails with a diagnostic where a shape
 * cannot be known; warns about unknown operators, once per kind, and where the file states another
 * shape than the inferred one.
 */
export function inferShapes(
  graph: SourceGraph,
  facts: Map<string, Fact>,
  binding: Binding,
  scope: NameScope,
  report: Report,
): readonly SourceNode[] {
  const inference = new Inference(graph, facts, binding, scope, report);
  for (const node of graph.nodes) inference.visit(node);
  inference.reportFindings();
  return inference.nodes;
}

/** Operators on lists of tensors, whose number only the run knows. */
function isSequence(op: string): boolean {
  return /^(Sequence[A-Z]|SplitToSequence$|ConcatFromSequence$)/.test(op);
}

class Inference {
  readonly nodes: SourceNode[] = [];
  readonly #unknown = new Map<string, { node: string; count: number }>();
  readonly #stated: Map<string, SourceType>;
  #disagreements = 0;
  readonly #graph: SourceGraph;
  /** Made when it is first asked: few graphs route. */
  #routing: Routing | null = null;
  #balanced = false;
  #disagreement: { tensor: string; inferred: Fact; stated: readonly number[] } | null = null;

  readonly #facts: Map<string, Fact>;
  readonly #distinct = new Map<string, Fact>();
  readonly #binding: Binding;
  readonly #scope: NameScope;
  readonly #report: Report;

  constructor(
    graph: SourceGraph,
    facts: Map<string, Fact>,
    binding: Binding,
    scope: NameScope,
    report: Report,
  ) {
    this.#stated = new Map([...graph.stated, ...graph.outputs]);
    this.#facts = facts;
    this.#graph = graph;
    this.#binding = binding;
    this.#scope = scope;
    this.#report = report;
  }

  visit(node: SourceNode): void {
    if (node.op === "If") {
      this.#takeBranch(node);
      return;
    }
    if (node.op === "Loop" || node.op === "Scan") fail(controlFlow(nodeLabel(node), node.op));
    if (isSequence(node.op)) fail(tensorSequence(nodeLabel(node), node.op));
    if (this.nodes.length >= NODE_LIMIT) fail(tooManyNodes(NODE_LIMIT));
    const outputs = this.#infer(node);
    node.outputs.forEach((name, index) => {
      const fact = outputs[index];
      if (name === "" || fact === undefined) return;
      checkedShape(name, fact.shape);
      this.#facts.set(name, this.#shared(fact));
      if (node.op !== "Constant") this.#compare(name, fact);
    });
    this.nodes.push(this.#normalized(node));
  }

  /** One object for all equal facts without elements: layers repeat, and so do their tensors. */
  #shared(fact: Fact): Fact {
    if (fact.value !== null) return fact;
    const key = `${fact.dtype} ${fact.shape}`;
    const known = this.#distinct.get(key);
    if (known !== undefined) return known;
    this.#distinct.set(key, fact);
    return fact;
  }

  /**
   * One form for every operator set, so that axis rules need no values: axes that newer sets give
   * as a constant input also become an attribute, and the older default axis is written out.
   */
  #normalized(node: SourceNode): SourceNode {
    const index = AXES_INPUT.get(node.op) ?? (node.op.startsWith("Reduce") ? 1 : -1);
    const axes = this.#facts.get(nameAt(node.inputs, index))?.value;
    if (axes) return { ...node, attributes: { axes, ...node.attributes } };
    const olderSoftmax = /^(Log)?Softmax$/.test(node.op) && node.opset < 13;
    return olderSoftmax ? { ...node, attributes: { axis: 1, ...node.attributes } } : node;
  }

  reportFindings(): void {
    for (const [op, { node, count }] of this.#unknown)
      this.#report(unknownOperator(op, node, count));
    if (this.#disagreement !== null) {
      const { tensor, inferred, stated } = this.#disagreement;
      this.#report(shapeDisagreement(tensor, inferred.shape, stated, this.#disagreements));
    }
  }

  #infer(node: SourceNode): readonly Fact[] {
    const inputs = node.inputs.map((name) => this.#facts.get(name) ?? null);
    const operator = operatorFor(node.op);
    if (operator === undefined) return this.#assume(node, inputs);
    const call: InferenceCall = { ...node, name: nodeLabel(node), inputs };
    try {
      return this.#complete(node, operator.infer(call));
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      const stated = this.#statedFacts(node) ?? this.#routedFacts(node, inputs);
      if (stated !== null) return stated;
      const input = nameAt(node.inputs, error.input);
      return fail(shapeNotInferred(nodeLabel(node), node.op, input, error.message));
    }
  }

  /** The positions of one expert's tokens: an equal share of all. */
  #routedFacts(node: SourceNode, [chosen]: readonly (Fact | null)[]): readonly Fact[] | null {
    if (node.op !== "NonZero" || !chosen) return null;
    this.#routing ??= new Routing(this.#graph, this.#facts);
    const experts = this.#routing.expertsOf(node);
    if (experts === null) return null;
    if (!this.#balanced) this.#report(balancedExperts(nodeLabel(node), experts));
    this.#balanced = true;
    const count = Math.ceil(elementCount(chosen.shape) / experts);
    return [{ dtype: "int64", shape: [chosen.shape.length, count], value: null }];
  }

  /** Outputs beyond those an operator knows take the file's shapes, if it states them. */
  #complete(node: SourceNode, facts: readonly Fact[]): readonly Fact[] {
    if (facts.length >= node.outputs.length) return facts;
    return node.outputs.map((name, index) => {
      const fact = facts[index] ?? (name === "" ? UNUSED : this.#statedFact(name));
      if (fact !== null) return fact;
      return fail(shapeNotInferred(nodeLabel(node), node.op, "", `output ${index} is unexpected`));
    });
  }

  /** Unknown operators: the file's shapes, else those of the largest input. */
  #assume(node: SourceNode, inputs: readonly (Fact | null)[]): readonly Fact[] {
    const seen = this.#unknown.get(node.op);
    if (seen === undefined) this.#unknown.set(node.op, { node: nodeLabel(node), count: 1 });
    else seen.count += 1;
    const stated = this.#statedFacts(node);
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
    return node.outputs.map((name) => this.#statedFact(name) ?? { dtype, shape, value: null });
  }

  #statedFacts(node: SourceNode): readonly Fact[] | null {
    const facts = node.outputs.map((name) => (name === "" ? UNUSED : this.#statedFact(name)));
    return facts.every((fact) => fact !== null) ? facts : null;
  }

  #statedFact(name: string): Fact | null {
    const type = this.#stated.get(name);
    const shape = type && this.#binding.shapeOf(name, type);
    return type && shape
      ? { dtype: type.dtype, shape: checkedShape(name, shape), value: null }
      : null;
  }

  #compare(name: string, inferred: Fact): void {
    const stated = this.#statedFact(name)?.shape;
    if (stated === undefined) return;
    const same =
      stated.length === inferred.shape.length &&
      stated.every((dim, axis) => dim === inferred.shape[axis]);
    if (same) return;
    this.#disagreements += 1;
    this.#disagreement ??= { tensor: name, inferred, stated };
  }

  /** Replaces an `If` by the branch that is taken. */
  #takeBranch(node: SourceNode): void {
    const branch = this.#chooseBranch(node);
    if (branch === null) {
      fail(
        shapeNotInferred(nodeLabel(node), node.op, nameAt(node.inputs, 0), "a branch is missing"),
      );
    }
    const names = this.#branchNames(node, branch);
    const rename = (name: string) => names.get(name) ?? name;
    for (const [name, tensor] of branch.initializers) this.#facts.set(rename(name), tensor);
    for (const [name, type] of branch.stated) this.#stated.set(rename(name), type);
    for (const inner of orderNodes(branch.nodes, this.#knownTo(branch), this.#report)) {
      const label = this.#scope.nodes.fresh(`${nodeLabel(node)}/${nodeLabel(inner)}`);
      this.visit({ ...renameTensors(inner, rename), name: label });
    }
    [...branch.outputs.keys()].forEach((inner, index) => {
      const outer = nameAt(node.outputs, index);
      if (outer === "" || rename(inner) === outer) return;
      const name = this.#scope.nodes.fresh(`${nodeLabel(node)}/${outer}`);
      this.visit({
        ...node,
        name,
        op: "Identity",
        inputs: [rename(inner)],
        outputs: [outer],
        subgraphs: {},
      });
    });
  }

  #knownTo(branch: SourceGraph): { has(name: string): boolean } {
    return {
      has: (name) =>
        branch.initializers.has(name) || (this.#facts.has(name) && !definesLocally(branch, name)),
    };
  }

  /** The branch of a known condition, else the first whose outputs have shapes, else "then". */
  #chooseBranch(node: SourceNode): SourceGraph | null {
    const { then_branch: yes, else_branch: no } = node.subgraphs;
    if (yes === undefined || no === undefined) return yes ?? no ?? null;
    const condition = this.#facts.get(nameAt(node.inputs, 0))?.value?.[0];
    if (condition !== undefined) return condition ? yes : no;
    const shaped = (graph: SourceGraph) =>
      [...graph.outputs].every(([name, type]) => this.#binding.shapeOf(name, type) !== null);
    return !shaped(yes) && shaped(no) ? no : yes;
  }

  /** New names of the tensors that a branch defines: the `If`'s outputs, or names under it. */
  #branchNames(node: SourceNode, branch: SourceGraph): Map<string, string> {
    const names = new Map<string, string>();
    const produced = new Set(branch.nodes.flatMap((inner) => inner.outputs));
    [...branch.outputs.keys()].forEach((inner, index) => {
      const outer = nameAt(node.outputs, index);
      if (outer !== "" && produced.has(inner)) names.set(inner, outer);
    });
    for (const name of definedIn(branch)) {
      if (name === "" || names.has(name)) continue;
      names.set(name, this.#scope.tensors.fresh(`${nodeLabel(node)}/${name}`));
    }
    return names;
  }
}

/** Which input holds axes, for operators other than reductions. */
const AXES_INPUT: ReadonlyMap<string, number> = new Map([
  ["Squeeze", 1],
  ["Unsqueeze", 1],
  ["Slice", 3],
  ["com.microsoft::ReduceSumTraining", 1],
]);

const UNUSED: Fact = { dtype: "unknown", shape: [], value: null };

function definesLocally(branch: SourceGraph, name: string): boolean {
  return branch.nodes.some((node) => node.outputs.includes(name));
}
