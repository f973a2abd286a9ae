import { fail } from "../../src/base/diagnostics/diagnostic.js";
import { tensorParallelIndivisible } from "../../src/base/diagnostics/lowering.js";
import { at, need } from "../../src/base/need.js";
import type { TensorNode } from "../../src/ir/tensor-graph.js";
import { isLoss } from "../../src/onnx/forward-end.js";
import { followAxis, shapedNode } from "../../src/onnx/operators/knowledge.js";
import type { AxisTarget } from "../../src/onnx/operators/operator.js";
import { isComputed } from "../rewriting/facts.js";
import type { GraphIndex } from "../rewriting/graph-index.js";
import type { Cut, CutPlace } from "./cut.js";
import { type CutTarget, cutTargets } from "./cut-targets.js";
import { weightProduct } from "./find-experts.js";
import { columnsOf, cutsOfGroups, keyValueHeadsOf, partsOfProjection } from "./key-value-heads.js";
import { mixedCut } from "./mixed-projection.js";
import { feedsLoss, isNormAlong, readerBehindViews } from "./norm-along.js";

/** Which tensors are cut along which axis, and where communication goes. */
export interface ShardPlan {
  /** The cut of each tensor (activation or parameter) of which a rank has a part. */
  readonly cuts: ReadonlyMap<string, Cut>;
  /** Nodes whose first output is a partial sum on each rank. */
  readonly partial: ReadonlySet<TensorNode>;
  /** Whole activations that enter sharded computation: their gradients are summed over ranks. */
  readonly entering: ReadonlySet<string>;
  /** Losses computed on a vocabulary shard. */
  readonly losses: ReadonlySet<TensorNode>;
  /** Norms of what is cut along the axis that they normalize: ranks sum up their statistics. */
  readonly norms: ReadonlySet<TensorNode>;
  /** By node, inputs that are whole on every rank, of which it needs this rank's part. */
  readonly sliced: ReadonlyMap<TensorNode, ReadonlyMap<number, Cut>>;
}

/** Decides, node by node, what tensor parallelism over `tp` ranks cuts. */
export function planShards(index: GraphIndex, tp: number): ShardPlan {
  const planner = new ShardPlanner(index, tp);
  for (const node of index.graph.nodes) {
    if (isComputed(index.graph, node)) planner.visit(node);
  }
  return planner;
}

type WeightProduct = NonNullable<ReturnType<typeof weightProduct>>;

class ShardPlanner implements ShardPlan {
  readonly cuts = new Map<string, Cut>();
  readonly partial = new Set<TensorNode>();
  readonly entering = new Set<string>();
  readonly losses = new Set<TensorNode>();
  readonly norms = new Set<TensorNode>();
  readonly sliced = new Map<TensorNode, Map<number, Cut>>();
  /** What is made together with what is cut, but whole on every rank, and what is made of it. */
  readonly #shared = new Set<string>();
  readonly #index: GraphIndex;
  readonly #tp: number;

  constructor(index: GraphIndex, tp: number) {
    this.#index = index;
    this.#tp = tp;
  }

  visit(node: TensorNode): void {
    const isLinear = node.op === "kareus::Linear";
    // A weight may be cut already (embedding tied to the output head): x alone decides.
    const product = isLinear ? null : weightProduct(this.#index, node);
    const deciding = isLinear ? node.inputs.slice(0, 1) : node.inputs;
    const cut = deciding.findIndex((name) => this.cuts.has(name));
    // A projection of queries, keys and values together is cut up to where they are split.
    if (node.outputs.every((name) => this.cuts.has(name) || this.#shared.has(name))) return;
    if (cut < 0 && !isLinear && deciding.some((name) => this.#shared.has(name))) {
      for (const name of node.outputs) this.#shared.add(name);
      return;
    }
    if (cut >= 0) this.#propagate(node, cut);
    else if (isLinear) this.#startColumn(node);
    else if (product !== null) this.#startExperts(node, product);
    else if (isEmbedding(this.#index, node)) this.#cutVocabulary(node);
    else this.#cutInside(node);
  }

  /** A linear of a whole tensor is column-parallel if every shard of its output is summed later. */
  #startColumn(node: TensorNode): void {
    const [x = ""] = node.inputs;
    const [y = ""] = node.outputs;
    const axis = this.#index.tensor(y).shape.length - 1;
    const mixed = mixedCut(this.#index, node, this.#tp, (name, along) =>
      this.#partsOf(name, along),
    );
    if (mixed !== null) {
      this.entering.add(x);
      for (const [name, cut] of mixed.cuts) this.cuts.set(name, cut);
      for (const name of mixed.shared) this.#shared.add(name);
      return;
    }
    if (!this.#closes(y, { axis, outer: 1 }, new Set())) return;
    const together = cutsOfGroups(this.#index, node, this.#tp);
    const parts = partsOfProjection(this.#index, y, axis, this.#tp);
    // Every rank makes the one head of keys or values that all queries share.
    if (together === null && parts === 1) return;
    this.entering.add(x);
    if (together !== null) {
      for (const [name, cut] of together) {
        if (cut.parts === 1) this.#shared.add(name);
        else this.cuts.set(name, cut);
      }
      return;
    }
    this.#cut(y, { axis, outer: 1, parts }, node, feedsLoss(this.#index, y));
    for (const [name, column] of columnsOf(this.#index, node)) {
      this.cuts.set(name, { axis: column, outer: 1, parts });
    }
  }

  /**
   * The same for a product with the weights of all experts, of each expert's tokens or of all tokens:
   * all experts are cut, along an axis of theirs that the tokens do not have.
   */
  #startExperts(node: TensorNode, { x, weight }: WeightProduct): void {
    const [y = ""] = node.outputs;
    const shaped = shapedNode(this.#index.graph, node);
    const targetsOf = (name: string) => {
      const side = node.inputs.indexOf(name);
      const { shape } = this.#index.tensor(name);
      return shape.map((_, axis) => followAxis(shaped, side, axis)[0]);
    };
    const shared = new Set(targetsOf(x));
    for (const [column, axis] of targetsOf(weight).entries()) {
      if (typeof axis !== "number" || shared.has(axis)) continue;
      if (!this.#closes(y, { axis, outer: 1 }, new Set())) continue;
      this.entering.add(x);
      this.#cut(y, { axis, outer: 1, parts: this.#tp }, node, false);
      this.cuts.set(weight, { axis: column, outer: 1, parts: this.#tp });
      return;
    }
  }

  /** Several weights in one node that sums over an axis of these alone: layers of experts inside. */
  #cutInside(node: TensorNode): void {
    const shaped = shapedNode(this.#index.graph, node);
    const summed = node.inputs.flatMap((name, input) => {
      const tensor = shaped.inputs[input];
      if (!tensor) return [];
      const axes = [...tensor.shape.keys()];
      const axis = axes.find((each) => followAxis(shaped, input, each)[0] === "reduced");
      return axis === undefined ? [] : [{ name, axis, role: tensor.role }];
    });
    if (summed.length < 2 || summed.some(({ role }) => role !== "parameter")) return;
    for (const { name, axis } of summed) {
      this.#cut(name, { axis, outer: 1, parts: this.#tp }, node, false);
    }
    this.partial.add(node);
    for (const name of node.inputs) {
      if (this.#index.graph.tensors.get(name)?.role === "activation") this.entering.add(name);
    }
  }

  /** The embedding table is cut by rows: each rank holds the rows of its own tokens. */
  #cutVocabulary(node: TensorNode): void {
    this.cuts.set(at(node.inputs, 0), { axis: 0, outer: 1, parts: this.#tp });
    this.partial.add(node);
  }

  /** Carries a cut input through a node to its outputs and its other operands. */
  #propagate(node: TensorNode, input: number): void {
    const cut = this.cuts.get(at(node.inputs, input));
    if (cut === undefined) return;
    const { axis, parts } = cut;
    if (isLoss(node.op)) {
      this.losses.add(node);
      return;
    }
    if (isNormAlong(this.#index, node, input, cut)) {
      this.norms.add(node);
      this.#cut(at(node.outputs, 0), cut, node, false);
      for (const name of node.inputs.slice(1))
        if (name !== "") this.cuts.set(name, { axis: 0, outer: 1, parts });
      return;
    }
    this.#agree(node, cut);
    const targets = this.#chosen(node, input, cut);
    if (targets.includes("reduced")) {
      // A sum over parts that several ranks hold would count these twice.
      if (parts < this.#tp) fail(tensorParallelIndivisible(node.name, this.#tp, parts, axis));
      this.partial.add(node);
      if (node.op === "kareus::Linear") {
        const axis = Number(node.attributes.k_axis);
        this.cuts.set(at(node.inputs, 1), { axis, outer: 1, parts });
      } else this.#cutOperands(node, input, "reduced");
      return;
    }
    for (const [i, target] of targets.entries()) {
      const output = at(node.outputs, i);
      if (typeof target === "object" && output !== "") {
        this.#cut(output, { ...target, parts }, node, false);
      }
    }
    const [target] = targets;
    if (target !== undefined && target !== "lost") {
      this.#cutOperands(node, input, typeof target === "object" ? target.axis : target);
    }
  }

  /** Operands that share an axis are in as many parts; queries may be in more than keys and values. */
  #agree(node: TensorNode, { axis, parts }: Cut): void {
    if (node.op === "kareus::Linear" || keyValueHeadsOf(this.#index, node) !== null) return;
    for (const name of node.inputs) {
      const other = this.cuts.get(name)?.parts ?? parts;
      if (other === parts) continue;
      fail(tensorParallelIndivisible(node.name, this.#tp, Math.min(other, parts), axis));
    }
  }

  /** Cuts parameters, and marks whole activations, that meet the cut axis in the same node. */
  #cutOperands(node: TensorNode, input: number, target: AxisTarget): void {
    const shaped = shapedNode(this.#index.graph, node);
    const { parts, outer } = need(this.cuts, at(node.inputs, input));
    for (const [other, name] of node.inputs.entries()) {
      if (other === input || name === "" || this.cuts.has(name)) continue;
      const { role, shape } = this.#index.tensor(name);
      const axis = shape.findIndex(
        (dim, a) => dim > 1 && followAxis(shaped, other, a)[0] === target,
      );
      if (axis < 0) continue;
      if (role === "parameter" || role === "constant") this.cuts.set(name, { axis, outer, parts });
      else if (role === "activation" && !this.#cutLookup(name, { axis, outer, parts })) {
        if (!this.#shared.has(name)) this.entering.add(name);
        const even = at(shape, axis) % (outer * parts) === 0;
        if (even && outer === 1) this.#slice(node, other, { axis, outer, parts });
      }
    }
  }

  /** What is looked up in a table for one reader (biases of experts) is cut with the table, if that can be. */
  #cutLookup(name: string, cut: Cut): boolean {
    const node = this.#index.producerOf(name, "Gather", "GatherND");
    const [table = ""] = node?.inputs ?? [];
    if (node === undefined || this.#index.consumers(name).length > 1) return false;
    const { role, shape } = this.#index.tensor(table);
    const isOwn = role === "parameter" && this.#index.consumers(table).length === 1;
    if (!isOwn || this.cuts.has(table)) return false;
    const shaped = shapedNode(this.#index.graph, node);
    const axis = shape.findIndex((_, each) => followAxis(shaped, 0, each)[0] === cut.axis);
    if (axis < 0) return false;
    this.cuts.set(table, { ...cut, axis });
    this.cuts.set(name, cut);
    return true;
  }

  /** Into how many parts a result is cut along an axis; 1 where it stays whole. */
  #partsOf(name: string, axis: number): number {
    const parts = partsOfProjection(this.#index, name, axis, this.#tp);
    const even = at(this.#index.tensor(name).shape, axis) % parts === 0;
    return even && this.#closes(name, { axis, outer: 1 }, new Set()) ? parts : 1;
  }

  #slice(node: TensorNode, input: number, cut: Cut): void {
    const inputs = this.sliced.get(node) ?? new Map<number, Cut>();
    this.sliced.set(node, inputs.set(input, cut));
  }

  #cut(name: string, cut: Cut, node: TensorNode, mayPad: boolean): void {
    const size = at(this.#index.tensor(name).shape, cut.axis);
    if ((size / cut.outer) % cut.parts !== 0 && !mayPad) {
      fail(tensorParallelIndivisible(node.name, this.#tp, size, cut.axis));
    }
    this.cuts.set(name, cut);
  }

  /** Whether every path from a cut tensor ends in a sum over the cut (or in the loss). */
  #closes(name: string, place: CutPlace, seen: Set<string>): boolean {
    if (seen.has(name)) return true;
    seen.add(name);
    if (this.#index.isGraphOutput(name)) return false;
    return this.#index.consumers(name).every((reader) => {
      // Sizes and types that are read of a tensor are the same of a part of it.
      if (isLoss(reader.op) || !isComputed(this.#index.graph, reader)) return true;
      const input = reader.inputs.indexOf(name);
      // One head for all queries: every rank holds it, wherever the cut would be.
      if (input > 0 && keyValueHeadsOf(this.#index, reader) === 1) return true;
      if (isNormAlong(this.#index, reader, input, place) && this.#isReadByColumns(reader)) {
        return false;
      }
      const choices = cutTargets(this.#index, reader, input, place, this.#tp);
      if (choices.length === 1) return this.#closeAll(reader, at(choices, 0), seen);
      return choices.some((targets) => this.#closeAll(reader, targets, new Set(seen)));
    });
  }

  /** Whether the linear behind a norm can be cut by columns itself: of heads behind a latent (MLA), of logits. */
  #isReadByColumns(norm: TensorNode): boolean {
    const reader = readerBehindViews(this.#index, norm);
    if (reader?.op !== "kareus::Linear") return false;
    const y = at(reader.outputs, 0);
    const axis = this.#index.tensor(y).shape.length - 1;
    return this.#closes(y, { axis, outer: 1 }, new Set());
  }

  #closeAll(reader: TensorNode, targets: readonly CutTarget[], seen: Set<string>): boolean {
    return targets.every((target, i) => {
      const output = at(reader.outputs, i);
      if (target === "reduced") {
        return reader.op === "kareus::Linear" || weightProduct(this.#index, reader) !== null;
      }
      if (output === "") return true;
      return target !== "lost" && this.#closes(output, target, seen);
    });
  }

  /** Where a cut goes: of several ways the first on which every path ends in a sum. */
  #chosen(node: TensorNode, input: number, place: CutPlace): readonly CutTarget[] {
    const choices = cutTargets(this.#index, node, input, place, this.#tp);
    const closing = (targets: readonly CutTarget[]) => this.#closeAll(node, targets, new Set());
    return (choices.length > 1 && choices.find(closing)) || at(choices, 0);
  }
}

function isEmbedding(index: GraphIndex, node: TensorNode): boolean {
  const [table, tokens] = node.inputs;
  if (node.op !== "Gather" || table === undefined || tokens === undefined) return false;
  const { role, shape } = index.tensor(table);
  return role === "parameter" && shape.length === 2 && index.tensor(tokens).role === "data";
}
