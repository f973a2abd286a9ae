import { fail, type Report } from "../../base/diagnostics/diagnostic.js";
import {
  listOfTensors,
  missingOperand,
  shapeNotInferred,
  tensorSequence,
  tooManyNodes,
} from "../../base/diagnostics/graph.js";
import type { Binding } from "../bind.js";
import { NODE_LIMIT } from "../inline.js";
import { type NameScope, nameAt, nodeLabel, renameTensors } from "../names.js";
import { operatorFor } from "../operators/index.js";
import { type Fact, ShapeError } from "../operators/operator.js";
import { firstOnlyOnRequest, missingInput } from "../operators/required.js";
import { orderNodes } from "../order.js";
import type { SourceGraph, SourceNode } from "../source.js";
import { checkedShape } from "../tensor-data.js";
import { withAxes } from "./axes-inputs.js";
import { definesLocally, takeBranch } from "./branches.js";
import { Expectations } from "./expected.js";
import { KeptFacts } from "./kept-facts.js";
import { unrollLoop } from "./loops.js";
import { NodeFacts } from "./node-facts.js";
import { modernized } from "./older-sets.js";
import { Repeats } from "./repeats.js";
import { isSequence, Sequences } from "./sequences.js";
import { StatedShapes } from "./stated.js";

/** Nodes whose shapes are known, and what was expected of sizes that they have. */
export interface InferredNodes {
  readonly nodes: readonly SourceNode[];
  readonly expected: ReadonlyMap<string, number>;
}

/** What shapes follow from beside the graph. */
export interface InferenceContext {
  readonly binding: Binding;
  /** How many elements data-dependent operators find, by the name of node or output. */
  readonly expect: ReadonlyMap<string, number>;
  /** The names in use, made anew. */
  readonly scope: NameScope;
  readonly report: Report;
}

/** One walk over the nodes of a graph. The stated shapes of `trusted` tensors hold against the inferred ones. */
export class Inference {
  readonly nodes: SourceNode[] = [];
  readonly stated: StatedShapes;
  readonly #graph: SourceGraph;
  readonly #facts: Map<string, Fact>;
  readonly #nodeFacts: NodeFacts;
  readonly #kept = new KeptFacts();
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
    this.#nodeFacts = new NodeFacts(facts, this.stated, this.#expectations);
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
      const names = { scope: this.#scope, binding: this.#binding, stated: this.stated };
      takeBranch(node, { ...names, facts: this.#facts, ...this.#goingOn(node) });
      return;
    }
    if (node.op === "Loop" || node.op === "Scan") {
      const factOf = (name: string) => this.#facts.get(name);
      const lists = { scope: this.#scope, sequences: this.#sequences };
      unrollLoop(node, { ...lists, factOf, ...this.#goingOn(node) });
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
    const outputs = this.#nodeFacts.of(node);
    node.outputs.forEach((name, index) => {
      const inferred = outputs[index];
      if (name === "" || inferred === undefined) return;
      const known = node.op === "Constant" ? inferred : this.stated.settled(node, name, inferred);
      const fact = this.#expectations.valueOf(node, name, known);
      checkedShape(name, fact.shape);
      this.#facts.set(name, this.#kept.of(node.op, fact));
    });
    const normal = withAxes(node, (name) => this.#facts.get(name));
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

  #reportFindings(): void {
    this.#nodeFacts.reportUnknown(this.#report);
    this.stated.reportDisagreements(this.#report);
    this.#expectations.reportUnused();
  }

  /** How to go on in the place of a node that holds subgraphs. */
  #goingOn(node: SourceNode) {
    return {
      visit: (inner: SourceNode) => this.visit(inner),
      visitBody: (body: SourceGraph, names: ReadonlyMap<string, string>) =>
        this.#visitBody(node, body, (name) => names.get(name) ?? name),
    };
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
