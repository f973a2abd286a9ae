import { fail } from "../../src/base/diagnostics/diagnostic.js";
import { tensorParallelIndivisible } from "../../src/base/diagnostics/lowering.js";
import type { TensorNode } from "../../src/ir/tensor-graph.js";
import { followAxis, shapedNode } from "../../src/onnx/operators/knowledge.js";
import type { AxisTarget } from "../../src/onnx/operators/operator.js";
import { isComputed, isLoss } from "../rewriting/facts.js";
import type { GraphIndex } from "../rewriting/graph-index.js";

/** Which tensors are cut along which axis, and where communication goes. */
export interface ShardPlan {
  /** Axis along which each cut tensor (activation or parameter) is split. */
  readonly axes: ReadonlyMap<string, number>;
  /** Nodes whose first output is a partial sum on each rank. */
  readonly partial: ReadonlySet<TensorNode>;
  /** Whole activations that enter sharded computation: their gradients are summed over ranks. */
  readonly entering: ReadonlySet<string>;
  /** Losses computed on a vocabulary shard. */
  readonly losses: ReadonlySet<TensorNode>;
}

/** Decides, node by node, what tensor parallelism over `tp` ranks cuts. */
export function planShards(index: GraphIndex, tp: number): ShardPlan {
  const planner = new ShardPlanner(index, tp);
  for (const node of index.graph.nodes) {
    if (isComputed(index.graph, node)) planner.visit(node);
  }
  return planner;
}

class ShardPlanner implements ShardPlan {
  readonly axes = new Map<string, number>();
  readonly partial = new Set<TensorNode>();
  readonly entering = new Set<string>();
  readonly losses = new Set<TensorNode>();
  readonly #index: GraphIndex;
  readonly #tp: number;

  constructor(index: GraphIndex, tp: number) {
    this.#index = index;
    this.#tp = tp;
  }

  visit(node: TensorNode): void {
    const isLinear = node.op === "kareus::Linear";
    // A weight may be cut already (embedding tied to the output head): x alone decides.
    const deciding = isLinear ? node.inputs.slice(0, 1) : node.inputs;
    const cut = deciding.findIndex((name) => this.axes.has(name));
    if (cut >= 0) this.#propagate(node, cut);
    else if (isLinear) this.#startColumn(node);
    else if (isEmbedding(this.#index, node)) this.#cutVocabulary(node);
  }

  /** A linear of a whole tensor is column-parallel if every shard of its output is summed later. */
  #startColumn(node: TensorNode): void {
    const [x, weight, bias] = node.inputs;
    const [y] = node.outputs;
    if (x === undefined || weight === undefined || y === undefined) return;
    const axis = this.#index.tensor(y).shape.length - 1;
    if (!this.#closes(y, axis, new Set())) return;
    this.#cut(y, axis, node, this.#feedsLoss(y));
    this.axes.set(weight, node.attributes.k_axis === 0 ? 1 : 0);
    if (bias !== undefined) this.axes.set(bias, 0);
    this.entering.add(x);
  }

  /** The embedding table is cut by rows: each rank holds the rows of its own tokens. */
  #cutVocabulary(node: TensorNode): void {
    this.axes.set(node.inputs[0] ?? "", 0);
    this.partial.add(node);
  }

  /** Carries a cut input through a node to its outputs and its other operands. */
  #propagate(node: TensorNode, input: number): void {
    const axis = this.axes.get(node.inputs[input] ?? "") ?? 0;
    if (isLoss(node.op)) {
      this.losses.add(node);
      return;
    }
    const targets = followAxis(shapedNode(this.#index.graph, node), input, axis);
    if (targets.includes("reduced")) {
      this.partial.add(node);
      if (node.op === "kareus::Linear") {
        this.axes.set(node.inputs[1] ?? "", Number(node.attributes.k_axis));
      } else this.#cutOperands(node, input, "reduced");
      return;
    }
    for (const [i, target] of targets.entries()) {
      const output = node.outputs[i] ?? "";
      if (typeof target === "number" && output !== "") this.#cut(output, target, node, false);
    }
    const [target] = targets;
    if (target !== undefined) this.#cutOperands(node, input, target);
  }

  /** Cuts parameters, and marks whole activations, that meet the cut axis in the same node. */
  #cutOperands(node: TensorNode, input: number, target: AxisTarget): void {
    const shaped = shapedNode(this.#index.graph, node);
    for (const [other, name] of node.inputs.entries()) {
      if (other === input || name === "" || this.axes.has(name)) continue;
      const { role, shape } = this.#index.tensor(name);
      const axis = shape.findIndex(
        (dim, a) => dim > 1 && followAxis(shaped, other, a)[0] === target,
      );
      if (axis < 0) continue;
      if (role === "parameter" || role === "constant") this.axes.set(name, axis);
      else if (role === "activation") this.entering.add(name);
    }
  }

  #cut(name: string, axis: number, node: TensorNode, mayPad: boolean): void {
    const size = this.#index.tensor(name).shape[axis] ?? 1;
    if (size % this.#tp !== 0 && !mayPad) {
      fail(tensorParallelIndivisible(node.name, this.#tp, size, axis));
    }
    this.axes.set(name, axis);
  }

  #feedsLoss(name: string): boolean {
    const pending = [name];
    for (let current = pending.pop(); current !== undefined; current = pending.pop()) {
      for (const reader of this.#index.consumers(current)) {
        if (isLoss(reader.op)) return true;
        if (reader.op === "Reshape") pending.push(...reader.outputs);
      }
    }
    return false;
  }

  /** Whether every path from a cut tensor ends in a sum over the cut (or in the loss). */
  #closes(name: string, axis: number, seen: Set<string>): boolean {
    if (seen.has(name)) return true;
    seen.add(name);
    if (this.#index.isGraphOutput(name)) return false;
    return this.#index.consumers(name).every((reader) => {
      if (isLoss(reader.op)) return true;
      const input = reader.inputs.indexOf(name);
      const targets = followAxis(shapedNode(this.#index.graph, reader), input, axis);
      return targets.every((target, i) => {
        const output = reader.outputs[i] ?? "";
        if (target === "reduced") return reader.op === "kareus::Linear";
        if (output === "") return true;
        return target !== "lost" && this.#closes(output, target, seen);
      });
    });
  }
}

function isEmbedding(index: GraphIndex, node: TensorNode): boolean {
  const [table, tokens] = node.inputs;
  if (node.op !== "Gather" || table === undefined || tokens === undefined) return false;
  const { role, shape } = index.tensor(table);
  return role === "parameter" && shape.length === 2 && index.tensor(tokens).role === "data";
}
