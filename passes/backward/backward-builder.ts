import { at, byDefault, need } from "../../src/base/need.js";
import { keepsInputs, type Recompute } from "../../src/ir/choices.js";
import {
  isFloating,
  type Tensor,
  type TensorGraph,
  type TensorNode,
  tensorOf,
} from "../../src/ir/tensor-graph.js";
import type { GradientNode } from "../../src/onnx/gradients/gradient.js";
import { gradientRuleFor } from "../../src/onnx/gradients/index.js";
import { isComputed } from "../rewriting/facts.js";
import { afterEarlyStop } from "./early-stop.js";
import { selectivelyAgain } from "./selective.js";
import { startsOf } from "./starts.js";

const SEND = "com.microsoft::Send";
const RECEIVE = "com.microsoft::Recv";

/** One contribution to a tensor's gradient and the layer whose backward makes it. */
interface Contribution {
  readonly name: string;
  readonly layer: number | null;
}

/** Reverse-mode differentiation of a tensor graph: walks forward nodes backwards, once. */
export class BackwardBuilder {
  readonly #graph: TensorGraph;
  readonly #recompute: Recompute;
  readonly #tensors: Map<string, Tensor>;
  readonly #nodes: TensorNode[] = [];
  readonly #names = new Set<string>();
  readonly #gradients = new Map<string, Contribution[]>();
  /** Forward tensors that backward reads from a recomputed copy. */
  readonly #recomputed = new Map<string, string>();
  /** The nodes that run a layer again. */
  readonly #recomputedLayers = new Map<number, readonly TensorNode[]>();
  readonly #forwardOfLayer = new Map<number, TensorNode[]>();
  /**
   * Inserted all-gathers by what they make: parts are kept for backward, which gathers them again, as
   * Megatron-LM's sequence parallelism and Kareus' context parallelism do.
   */
  readonly #gathers = new Map<string, TensorNode>();
  readonly #gatheredAgain = new Map<string, string>();
  /** What selective recomputation runs again, by the tensors that it makes. */
  readonly #selected: ReadonlyMap<string, readonly TensorNode[]>;

  readonly #tensor = (name: string): Tensor => need(this.#tensors, name);

  constructor(graph: TensorGraph, recompute: Recompute) {
    this.#graph = graph;
    this.#recompute = recompute;
    this.#tensors = new Map(graph.tensors);
    this.#selected = recompute === "selective" ? selectivelyAgain(graph) : new Map();
    for (const node of graph.nodes) {
      this.#names.add(node.name);
      if (node.op === "kareus::AllGather" && node.origin === "inserted") {
        this.#gathers.set(at(node.outputs, 0), node);
      }
      if (node.layer === null || node.direction !== "forward") continue;
      const members = this.#forwardOfLayer.get(node.layer);
      if (members === undefined) this.#forwardOfLayer.set(node.layer, [node]);
      else members.push(node);
    }
  }

  /** The graph with its backward appended. */
  build(): TensorGraph {
    const forward = this.#graph.nodes.filter((node) => isComputed(this.#graph, node));
    const differentiable = this.#differentiable(forward);
    const sends = forward.filter((node) => node.op === SEND);
    const starts = startsOf(this.#graph, forward, differentiable);
    if (starts.length + sends.length === 0) return this.#graph;
    for (const seed of starts) {
      const name = `${seed}/grad`;
      this.#tensors.set(name, { ...tensorOf(this.#graph, seed), name, role: "data" });
      this.#gradients.set(seed, [{ name, layer: null }]);
    }
    for (const send of sends) this.#receive(send, differentiable);
    for (const node of forward.toReversed()) this.#visit(node, differentiable);
    return {
      ...this.#graph,
      nodes: [...this.#graph.nodes, ...this.#backward()],
      tensors: this.#tensors,
    };
  }

  /** The nodes that were made, without those that an early stop leaves out. */
  #backward(): readonly TensorNode[] {
    if (this.#recompute !== "early-stop") return this.#nodes;
    const left = afterEarlyStop(this.#nodes, [...this.#recomputedLayers.values()]);
    for (const name of [...left].flatMap(({ outputs }) => outputs)) this.#tensors.delete(name);
    return this.#nodes.filter((node) => !left.has(node));
  }

  /** Floating tensors that depend on a parameter. */
  #differentiable(forward: readonly TensorNode[]): ReadonlySet<string> {
    const names = new Set<string>();
    for (const tensor of this.#graph.tensors.values()) {
      if (tensor.role !== "parameter" || tensor.frozen) continue;
      if (isFloating(tensor.dtype)) names.add(tensor.name);
    }
    for (const node of forward) {
      // Another stage wants the gradient of what it sent.
      if (node.op !== RECEIVE && !node.inputs.some((input) => names.has(input))) continue;
      for (const output of node.outputs) {
        const tensor = this.#graph.tensors.get(output);
        if (tensor !== undefined && isFloating(tensor.dtype)) names.add(output);
      }
    }
    return names;
  }

  #visit(node: TensorNode, differentiable: ReadonlySet<string>): void {
    const outputGradients = node.outputs.map((output) => this.#collect(output));
    if (outputGradients.every((gradient) => gradient === null)) return;
    const wanted = node.inputs.map((input) => differentiable.has(input));
    const rule = gradientRuleFor(node.op);
    const gradient = rule({ node, outputGradients, wanted, tensor: this.#tensor });
    if (gradient.nodes.length + gradient.aliases.length === 0) return;
    if (keepsInputs(this.#recompute) && node.layer !== null) this.#recomputeLayer(node.layer);
    for (const { input, gradient: name } of gradient.aliases) {
      this.#contribute(at(node.inputs, input), { name, layer: node.layer });
    }
    for (const made of gradient.nodes) this.#emit(node, made);
  }

  /** The gradients of what a stage sent on come back from the next one. */
  #receive(send: TensorNode, differentiable: ReadonlySet<string>): void {
    const of = send.inputs.flatMap((name, input) => (differentiable.has(name) ? [input] : []));
    if (of.length > 0)
      this.#emit(send, { op: RECEIVE, inputs: [], attributes: send.attributes, of });
  }

  /** The whole gradient of a tensor, its contributions summed; null if nothing flows back. */
  #collect(name: string): string | null {
    const contributions = this.#gradients.get(name);
    if (contributions === undefined) return null;
    if (contributions.length === 1) return at(contributions, 0).name;
    const sum = `${name}/grad.sum`;
    this.#addTensor(tensorOf(this.#graph, name), sum);
    this.#nodes.push({
      name: this.#unique(`${name}/grad_sum`),
      op: "Sum",
      inputs: contributions.map((contribution) => contribution.name),
      outputs: [sum],
      attributes: {},
      direction: "backward",
      origin: "input-gradient",
      layer: contributions.at(-1)?.layer ?? null,
      covers: [],
    });
    this.#gradients.set(name, [{ name: sum, layer: null }]);
    return sum;
  }

  #contribute(tensor: string, contribution: Contribution): void {
    const contributions = this.#gradients.get(tensor);
    if (contributions === undefined) this.#gradients.set(tensor, [contribution]);
    else contributions.push(contribution);
  }

  #emit(node: TensorNode, made: GradientNode): void {
    const operands = made.inputs.map((name) => this.#forBackward(name));
    const inputs = made.of.map((input) => at(node.inputs, input));
    const isWeight =
      inputs.length > 0 && inputs.every((name) => tensorOf(this.#graph, name).role === "parameter");
    const suffix = isWeight ? "wgrad" : "dgrad";
    const outputs = inputs.map((name) => {
      const earlier = byDefault(this.#gradients.get(name), []).length;
      const output = earlier === 0 ? `${name}/grad` : `${name}/grad.${earlier + 1}`;
      this.#addTensor(tensorOf(this.#graph, name), output);
      this.#contribute(name, { name: output, layer: node.layer });
      return output;
    });
    const name = this.#unique(`${node.name}/${suffix}`);
    if (outputs.length === 0) outputs.push(this.#token(name));
    const numbered = name.slice(node.name.length);
    this.#nodes.push({
      name,
      op: made.op,
      inputs: operands,
      outputs,
      attributes: made.attributes,
      direction: "backward",
      origin: isWeight ? "weight-gradient" : "input-gradient",
      layer: node.layer,
      covers: node.covers.map((covered) => `${covered}${numbered}`),
    });
  }

  /** What a node without results gives: that it is done. */
  #token(node: string): string {
    const name = `${node}/done`;
    const tensor = {
      name,
      dtype: "bool",
      shape: [],
      role: "activation",
      batch_axis: null,
    } as const;
    this.#tensors.set(name, tensor);
    return name;
  }

  /** What backward reads for a forward tensor: itself, or its copy that was made again. */
  #forBackward(name: string): string {
    const gather = this.#gathers.get(name);
    if (gather === undefined) {
      if (!this.#recomputed.has(name)) this.#makeAgain(this.#selected.get(name) ?? []);
      return this.#recomputed.get(name) ?? name;
    }
    const known = this.#gatheredAgain.get(name);
    if (known !== undefined) return known;
    const again = this.#runAgain(gather, "again");
    this.#gatheredAgain.set(name, at(again.outputs, 0));
    return at(again.outputs, 0);
  }

  /** Runs a layer's forward nodes again, from its saved input. */
  #recomputeLayer(layer: number): void {
    if (this.#recomputedLayers.has(layer)) return;
    const { length } = this.#nodes;
    this.#makeAgain(this.#forwardOfLayer.get(layer) ?? []);
    this.#recomputedLayers.set(layer, this.#nodes.slice(length));
  }

  #makeAgain(nodes: readonly TensorNode[]): void {
    for (const node of nodes) {
      if (node.outputs.some((name) => this.#recomputed.has(name))) continue;
      const { outputs } = this.#runAgain(node, "recompute");
      for (const [i, name] of node.outputs.entries()) {
        this.#recomputed.set(name, outputs[i] ?? name);
      }
    }
  }

  /** A copy of a forward node within backward. */
  #runAgain(node: TensorNode, suffix: string): TensorNode {
    const outputs = node.outputs.map((name) => {
      const tensor = this.#graph.tensors.get(name);
      if (tensor === undefined) return name;
      const copy = `${name}/${suffix}`;
      this.#tensors.set(copy, { ...tensor, name: copy });
      return copy;
    });
    const again: TensorNode = {
      ...node,
      name: this.#unique(`${node.name}/recompute`),
      inputs: node.inputs.map((name) => this.#recomputed.get(name) ?? name),
      outputs,
      direction: "backward",
      origin: "recompute",
      covers: node.covers.map((name) => `${name}/recompute`),
    };
    this.#nodes.push(again);
    return again;
  }

  #unique(name: string): string {
    let unique = name;
    for (let n = 2; this.#names.has(unique); n++) unique = `${name}#${n}`;
    this.#names.add(unique);
    return unique;
  }

  #addTensor(of: Tensor, name: string): void {
    const isParameter = of.role === "parameter";
    const role = isParameter ? "gradient" : "activation";
    this.#tensors.set(name, { ...of, name, role, batch_axis: isParameter ? null : of.batch_axis });
  }
}
