import { at, need } from "../../src/base/need.js";
import { elementCount, type TensorNode } from "../../src/ir/tensor-graph.js";
import { followAxis, shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import { isComputed } from "../rewriting/facts.js";
import type { GraphIndex } from "../rewriting/graph-index.js";

/** The part of a model in which each expert works on the tokens that were sent to it. */
export interface ExpertRegion {
  /** Axis of the experts in each activation and parameter of the region. */
  readonly axes: ReadonlyMap<string, number>;
  /** Those whose axis holds the rows of all experts, one expert behind the other. */
  readonly merged: ReadonlySet<string>;
  /** What enters, by the products that read it: tokens sorted by expert. */
  readonly entering: ReadonlySet<string>;
  /** Readers outside the region of what it makes: tokens go back to where they came from. */
  readonly leaving: ReadonlyMap<TensorNode, readonly string[]>;
  readonly experts: number;
  /** Whether each expert has a fixed number of slots, full or not. */
  readonly fixedSlots: boolean;
}

/**
 * Finds experts by structure: products of activations with a weight of three or more axes, one of
 * which both sides share and the product keeps. From there the axis is followed through whatever
 * works expert by expert, and through what works on the rows of all of them between two products.
 * Null where there are none.
 */
export function findExperts(index: GraphIndex): ExpertRegion | null {
  const walk: Walk = { axes: new Map(), merged: new Set(), experts: 0 };
  const { axes, merged } = walk;
  const entering = new Set<string>();
  const computed = index.graph.nodes.filter((node) => isComputed(index.graph, node));
  for (const node of computed) {
    const product = expertProduct(index, node);
    if (product !== null) {
      const { x, weight, output } = product;
      if (!axes.has(x.name)) {
        if (areHeads(index, x.name)) continue;
        entering.add(x.name);
        axes.set(x.name, x.axis);
      }
      axes.set(weight.name, weight.axis);
      axes.set(at(node.outputs, 0), output);
      walk.experts = at(index.tensor(weight.name).shape, weight.axis);
    } else if (node.inputs.some((name) => axes.has(name) && !entering.has(name))) {
      follow(index, node, walk);
    }
  }
  if (walk.experts === 0) return null;
  const within = (node: TensorNode) =>
    node.outputs.some((name) => axes.has(name) && !entering.has(name));
  // Rows that meet no further product of their experts may as well go back before.
  for (const { outputs } of computed.toReversed()) {
    const ends = outputs.every((name) => merged.has(name) && !index.consumers(name).some(within));
    for (const name of ends ? outputs : []) {
      axes.delete(name);
      merged.delete(name);
    }
  }
  const leaving = new Map<TensorNode, string[]>();
  for (const node of computed) {
    const inside = node.inputs.filter((name) => axes.has(name) && !entering.has(name));
    if (inside.length > 0 && !within(node)) leaving.set(node, inside);
  }
  const fixedSlots = [...entering].every((name) => areSlots(index, name));
  return { axes, merged, entering, leaving, experts: walk.experts, fixedSlots };
}

const VIEWS = new Set([
  ...["Transpose", "Reshape", "Squeeze", "Unsqueeze", "Cast", "Identity", "Mul", "Div"],
]);

/**
 * Whether an activation is what a linear made, seen otherwise: its heads may have weights of their own
 * (DeBERTa's positions), and all of them see every token.
 */
function areHeads(index: GraphIndex, name: string): boolean {
  let node = index.producer(name);
  while (node !== undefined && VIEWS.has(node.op)) {
    const from = node.inputs.find((input) => index.tensor(input).role === "activation");
    node = index.producer(from);
  }
  const weight = node?.inputs[1];
  return node?.op === "kareus::Linear" && weight !== undefined && isMatrix(index, weight);
}

function isMatrix(index: GraphIndex, name: string): boolean {
  const { role, shape } = index.tensor(name);
  return role === "parameter" && shape.length <= 2;
}

/** What moves rows or marks them, and leaves their number. */
const KEEPS = new Set(["Transpose", "Reshape", "Cast", "Identity", "Split", "Slice", "Mul"]);
const FILLS = new Set(["ScatterND", "ScatterElements", "Scatter"]);

/**
 * Whether tokens are put into slots, by a product with a mask (GShard, Switch) or written to their
 * places: the slots that no token takes are computed too. Rows that are gathered are as many as came.
 */
function areSlots(index: GraphIndex, name: string): boolean {
  let node = index.producer(name);
  while (node !== undefined && KEEPS.has(node.op)) node = index.producer(node.inputs[0]);
  if (node === undefined) return false;
  const work = workOf(shapedNode(index.graph, node));
  return FILLS.has(node.op) || (work.kind === "kernel" && work.work.op === "matmul");
}

interface Walk {
  readonly axes: Map<string, number>;
  readonly merged: Set<string>;
  experts: number;
}

interface Operand {
  readonly name: string;
  readonly axis: number;
}

/** The operands of a product of an activation with a weight of three or more axes; null if it is none. */
export function weightProduct(
  index: GraphIndex,
  node: TensorNode,
): { readonly x: string; readonly weight: string } | null {
  const work = workOf(shapedNode(index.graph, node));
  const [left = "", right = ""] = node.inputs;
  if (work.kind !== "kernel" || work.work.op !== "matmul" || left === "" || right === "") {
    return null;
  }
  const [weight, x] = index.tensor(right).role === "parameter" ? [right, left] : [left, right];
  const isWeight = index.tensor(weight).role === "parameter";
  if (!isWeight || index.tensor(x).role !== "activation") return null;
  return index.tensor(weight).shape.length < 3 ? null : { x, weight };
}

/** The operands of a product of each expert's tokens with its weight; null if it is none. */
function expertProduct(
  index: GraphIndex,
  node: TensorNode,
): { readonly x: Operand; readonly weight: Operand; readonly output: number } | null {
  const product = weightProduct(index, node);
  if (product === null) return null;
  const shaped = shapedNode(index.graph, node);
  const side = node.inputs.indexOf(product.weight);
  const [weight, x] = [index.tensor(product.weight), index.tensor(product.x)];
  for (const [axis, experts] of weight.shape.entries()) {
    const [output] = followAxis(shaped, side, axis);
    if (experts < 2 || typeof output !== "number") continue;
    const own = x.shape.findIndex(
      (dim, a) => dim === experts && followAxis(shaped, 1 - side, a)[0] === output,
    );
    if (own >= 0) {
      return { x: { name: x.name, axis: own }, weight: { name: weight.name, axis }, output };
    }
  }
  return null;
}

/** Carries the expert axis through a node that works expert by expert, if it does. */
function follow(index: GraphIndex, node: TensorNode, { axes, merged, experts }: Walk): void {
  const shaped = shapedNode(index.graph, node);
  const input = node.inputs.findIndex((name) => axes.has(name));
  const name = at(node.inputs, input);
  const axis = need(axes, name);
  const [target] = followAxis(shaped, input, axis);
  const output = shaped.outputs[0];
  if (typeof target !== "number" || output === null || output === undefined) return;
  const { shape } = index.tensor(name);
  const [size, targetSize] = [at(shape, axis), output.shape[target]];
  const rows = merged.has(name) ? size : elementCount(shape.slice(axis, axis + 2));
  const merges = targetSize === rows && targetSize !== experts;
  if (!merges && targetSize !== experts) return;
  const found = new Map<string, number>();
  const tables: string[] = [];
  for (const [other, operandName] of node.inputs.entries()) {
    const operand = shaped.inputs[other];
    if (operand === null || operand === undefined || axes.has(operandName)) continue;
    if (operand.role === "activation" || operand.role === "data") {
      const picked = merges ? pickedRows(index, operandName, rows) : null;
      if (picked === null) return;
      tables.push(...picked);
      continue;
    }
    const shared = operand.shape.findIndex(
      (dim, a) => dim === size && followAxis(shaped, other, a)[0] === target,
    );
    if (shared >= 0 && merges) return;
    if (shared >= 0) found.set(operandName, shared);
  }
  for (const [own, shared] of found) axes.set(own, shared);
  for (const own of tables) axes.set(own, 0);
  const outputs = node.outputs.filter((own) => own !== "");
  for (const own of outputs) axes.set(own, target);
  for (const own of merges ? [...outputs, ...tables] : []) merged.add(own);
}

/** What may lie between a table of parameters and the rows picked from it for each token. */
const PICKS = new Set(["Gather", "GatherND", "Transpose", "Reshape", "Cast", "Identity"]);

/**
 * The tensors on the way to rows that are picked from a table of parameters (biases of experts, of
 * which each rank keeps all); null if the operand is anything else.
 */
function pickedRows(index: GraphIndex, name: string, rows: number): readonly string[] | null {
  const found: string[] = [];
  let current = name;
  while (index.tensor(current).role !== "parameter") {
    const node = index.producer(current);
    if (node === undefined || !PICKS.has(node.op)) return null;
    if (index.tensor(current).shape[0] === rows) found.push(current);
    current = at(node.inputs, 0);
  }
  return found.includes(name) ? found : null;
}
