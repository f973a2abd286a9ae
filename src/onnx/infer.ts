import {
  type Diagnostic,
  DiagnosticError,
  fail,
  type Report,
} from "../base/diagnostics/diagnostic.js";
import {
  listOfTensors,
  missingOperand,
  shapeNotInferred,
  tensorSequence,
  tooManyNodes,
  unknownOperator,
} from "../base/diagnostics/graph.js";
import { elementCount } from "../ir/tensor-graph.js";
import type { Binding } from "./bind.js";
import { branchNames, chosenBranch, definesLocally } from "./branches.js";
import { Expectations } from "./expected.js";
import { NODE_LIMIT } from "./inline.js";
import { unrollLoop } from "./loops.js";
import { type NameScope, nameAt, nodeLabel, renameTensors } from "./names.js";
import { modernized } from "./older-sets.js";
import { operatorFor } from "./operators/index.js";
import { type Fact, type InferenceCall, type Operator, ShapeError } from "./operators/operator.js";
import { firstOnlyOnRequest, missingInput } from "./operators/required.js";
import { orderNodes } from "./order.js";
import { Repeats } from "./repeats.js";
import { PRODUCTS } from "./roles/operator-kinds.js";
import { isSequence, Sequences } from "./sequences.js";
import type { SourceGraph, SourceNode } from "./source.js";
import { StatedShapes, UNUSED } from "./stated.js";
import { checkedShape } from "./tensor-data.js";

/** Nodes whose shapes are known, and what was expected of sizes that they have. */
interface InferredNodes {
  readonly nodes: readonly SourceNode[];
  readonly expected: ReadonlyMap<string, number>;
}

/** What shapes follow from beside the graph. */
interface InferenceContext {
  readonly binding: Binding;
  /** How many elements data-dependent operators find, by the name of node or output. */
  readonly expect: ReadonlyMap<string, number>;
  /** The names in use, made anew. */
  readonly scope: NameScope;
  readonly report: Report;
}

/**
 * Infers type, shape and small values of every tensor of ordered nodes, starting from `facts` (which
 * is extended). Returns the nodes in order with branches taken. Fails with a diagnostic where a shape
 * cannot be known; warns about unknown operators, once per kind, about sizes that are assumed, and
 * where the file states another shape than the inferred one.
 *
 * Where inferred shapes do not fit each other, and stated ones do, the stated ones hold.
 */
export function inferShapes(
  graph: SourceGraph,
  facts: Map<string, Fact>,
  context: InferenceContext,
): InferredNodes {
  const start = new Map(facts);
  const said: Diagnostic[] = [];
  const inferred = (trusted: ReadonlySet<string>) =>
    new Inference(graph, facts, trusted, { ...context, report: (each) => said.push(each) });
  const first = inferred(new Set());
  try {
    return first.run();
  } catch (error) {
    const candidates = first.stated.candidates();
    if (!(error instanceof DiagnosticError) || candidates.size === 0) throw error;
    facts.clear();
    for (const [name, fact] of start) facts.set(name, fact);
    said.length = 0;
    try {
      return inferred(candidates).run();
    } catch {
      throw error;
    }
  } finally {
    for (const diagnostic of said) context.report(diagnostic);
  }
}

class Inference {
  readonly nodes: SourceNode[] = [];
  readonly stated: StatedShapes;
  readonly #unknown = new Map<string, { node: string; count: number }>();
  readonly #graph: SourceGraph;
  readonly #facts: Map<string, Fact>;
  readonly #distinct = new Map<string, Fact>();
  readonly #binding: Binding;
  readonly #expectations: Expectations;
  readonly #repeats: Repeats;
  readonly #sequences: Sequences;
  readonly #scope: NameScope;
  readonly #report: Report;

  constructor(
    graph: SourceGraph,
    facts: Map<string, Fact>,
    trusted: ReadonlySet<string>,
    { binding, expect, scope, report }: InferenceContext,
  ) {
    this.stated = new StatedShapes([...graph.stated, ...graph.outputs], binding, trusted);
    this.#graph = graph;
    this.#facts = facts;
    this.#binding = binding;
    this.#expectations = new Expectations(expect, graph, facts, report);
    this.#scope = scope;
    const fresh = (name: string) => scope.tensors.fresh(name);
    const factOf = (name: string) => facts.get(name);
    this.#sequences = new Sequences(factOf, fresh, (node, parts) =>
      this.#expectations.assumeBalanced(node, parts),
    );
    this.#repeats = new Repeats(factOf, report);
    this.#report = report;
  }

  /** Every node in order; its findings are reported. */
  run(): InferredNodes {
    for (const node of this.#graph.nodes) this.visit(node);
    this.#reportFindings();
    return { nodes: this.nodes, expected: this.#expectations.used() };
  }

  visit(node: SourceNode): void {
    if (node.op === "If") {
      this.#takeBranch(node);
      return;
    }
    if (node.op === "Loop" || node.op === "Scan") {
      this.#unrollLoop(node);
      return;
    }
    if (isSequence(node.op)) {
      this.#unroll(node);
      return;
    }
    if (this.nodes.length >= NODE_LIMIT) fail(tooManyNodes(NODE_LIMIT));
    const rankOf = (name: string) => this.#facts.get(name)?.shape.length;
    const fresh = (name: string) => this.#scope.tensors.fresh(name);
    const mended = this.#repeats.mended(node);
    for (const each of modernized(mended, rankOf, fresh)) this.#settle(each);
  }

  #settle(stated: SourceNode): void {
    // What nothing can read is not run.
    if (stated.outputs.every((name) => name === "")) return;
    const missing = operatorFor(stated.op) && missingInput(stated);
    if (typeof missing === "number") fail(missingOperand(nodeLabel(stated), stated.op, missing));
    const list = stated.inputs.find((name) => this.#sequences.held(name) !== undefined);
    if (list !== undefined) fail(listOfTensors(nodeLabel(stated), stated.op, list));
    const node = this.#withFirstOutput(stated);
    const outputs = this.#infer(node);
    node.outputs.forEach((name, index) => {
      const inferred = outputs[index];
      if (name === "" || inferred === undefined) return;
      const known = node.op === "Constant" ? inferred : this.stated.settled(node, name, inferred);
      const fact = this.#expectations.valueOf(node, name, known);
      checkedShape(name, fact.shape);
      const own = withOwnElements(fact);
      this.#facts.set(name, this.#shared(node.op === "Constant" ? own : withoutBand(own)));
    });
    const normal = this.#normalized(node);
    this.#repeats.note(normal);
    this.nodes.push(normal);
  }

  /** A first result that is made whether or not it is asked for gets a name. */
  #withFirstOutput(node: SourceNode): SourceNode {
    const [first, ...others] = node.outputs;
    if (first !== "" || firstOnlyOnRequest(node.op)) return node;
    return {
      ...node,
      outputs: [this.#scope.tensors.fresh(`${nodeLabel(node)}/unused`), ...others],
    };
  }

  /** What a node does to a list, done to the tensors in it. */
  #unroll(node: SourceNode): void {
    const label = nodeLabel(node);
    try {
      const nodes = this.#sequences.unrolled(node);
      if (nodes === null) fail(tensorSequence(label, node.op));
      for (const each of nodes) {
        this.visit({ ...each, name: this.#scope.nodes.fresh(`${label}/${nodeLabel(each)}`) });
      }
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      fail(shapeNotInferred(label, node.op, nameAt(node.inputs, error.input), error.message));
    }
  }

  /** One object for all equal facts without elements: layers repeat, and so do their tensors. */
  #shared(fact: Fact): Fact {
    if (fact.value !== null || fact.band !== undefined) return fact;
    const key = `${fact.dtype} ${fact.shape}`;
    const known = this.#distinct.get(key);
    if (known !== undefined) return known;
    this.#distinct.set(key, fact);
    return fact;
  }

  /**
   * One form for every operator set, so that axis rules need no values: axes that newer sets give
   * as a constant input also become an attribute.
   */
  #normalized(node: SourceNode): SourceNode {
    const index = AXES_INPUT.get(node.op) ?? (node.op.startsWith("Reduce") ? 1 : -1);
    const axes = this.#facts.get(nameAt(node.inputs, index))?.value;
    if (axes) return { ...node, attributes: { axes, ...node.attributes } };
    return node;
  }

  #reportFindings(): void {
    for (const [op, { node, count }] of this.#unknown)
      this.#report(unknownOperator(op, node, count));
    this.stated.reportDisagreements(this.#report);
    this.#expectations.reportUnused();
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
      const known = this.stated.factsOf(node) ?? this.#expectations.factsOf(node, inputs);
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
      const fact = facts[index] ?? (name === "" ? UNUSED : this.stated.factOf(name));
      if (fact !== null) return fact;
      return fail(shapeNotInferred(nodeLabel(node), node.op, "", `output ${index} is unexpected`));
    });
  }

  /** Unknown operators: the file's shapes, else those of the largest input. */
  #assume(node: SourceNode, inputs: readonly (Fact | null)[]): readonly Fact[] {
    const seen = this.#unknown.get(node.op);
    if (seen === undefined) this.#unknown.set(node.op, { node: nodeLabel(node), count: 1 });
    else seen.count += 1;
    const stated = this.stated.factsOf(node);
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
    return node.outputs.map((name) => this.stated.factOf(name) ?? { dtype, shape, value: null });
  }

  /** Replaces an `If` by the branch that is taken. */
  #takeBranch(node: SourceNode): void {
    const branch = chosenBranch(node, this.#facts, this.#binding);
    if (branch === null) {
      fail(
        shapeNotInferred(nodeLabel(node), node.op, nameAt(node.inputs, 0), "a branch is missing"),
      );
    }
    const names = branchNames(node, branch, this.#scope);
    const rename = (name: string) => names.get(name) ?? name;
    for (const [name, type] of branch.stated) this.stated.add(rename(name), type);
    this.#visitBody(node, branch, rename);
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

  #unrollLoop(node: SourceNode): void {
    unrollLoop(node, {
      scope: this.#scope,
      sequences: this.#sequences,
      factOf: (name) => this.#facts.get(name),
      visit: (inner) => this.visit(inner),
      visitBody: (body, names) => this.#visitBody(node, body, (name) => names.get(name) ?? name),
    });
  }

  /** The nodes of a subgraph in the place of the node that holds it. */
  #visitBody(node: SourceNode, body: SourceGraph, rename: (name: string) => string): void {
    for (const [name, tensor] of body.initializers) this.#facts.set(rename(name), tensor);
    for (const inner of orderNodes(body.nodes, this.#knownTo(body), this.#report)) {
      const label = this.#scope.nodes.fresh(`${nodeLabel(node)}/${nodeLabel(inner)}`);
      this.visit({ ...renameTensors(inner, rename), name: label });
    }
  }

  #knownTo(body: SourceGraph): { has(name: string): boolean } {
    const isOutside = (name: string) =>
      this.#facts.has(name) || this.#sequences.held(name) !== undefined;
    return {
      has: (name) =>
        body.initializers.has(name) ||
        body.inputs.has(name) ||
        (isOutside(name) && !definesLocally(body, name)),
    };
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

/** Which input holds axes, for operators other than reductions. */
const AXES_INPUT: ReadonlyMap<string, number> = new Map([
  ["Squeeze", 1],
  ["Unsqueeze", 1],
  ["Slice", 3],
  ["com.microsoft::ReduceSumTraining", 1],
]);

/** What is made of a mask shows something else. */
function withoutBand(fact: Fact): Fact {
  if (fact.band === undefined) return fact;
  const { band: _, ...rest } = fact;
  return rest;
}

/** Elements of another shape than the settled one (a changed file states what it likes) are not known. */
function withOwnElements(fact: Fact): Fact {
  if (fact.value === null || fact.value.length === elementCount(fact.shape)) return fact;
  return { ...fact, value: null };
}
