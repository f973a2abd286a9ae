import { at, need } from "../../src/base/need.js";
import type { TensorNode } from "../../src/ir/tensor-graph.js";
import { followAxis, shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import { isComputed } from "../rewriting/facts.js";
import type { GraphIndex } from "../rewriting/graph-index.js";

/** The part of a model in which each expert works on the tokens that were sent to it. */
export interface ExpertRegion {
  /** Axis of the experts in each activation and parameter of the region. */
  readonly axes: ReadonlyMap<string, number>;
  /** What enters, by the products that read it: tokens sorted by expert. */
  readonly entering: ReadonlySet<string>;
  /** Readers outside the region of what it makes: tokens go back to where they came from. */
  readonly leaving: ReadonlyMap<TensorNode, readonly string[]>;
  readonly experts: number;
}

/**
 * Finds experts by structure: products of activations with a weight of three or more axes, one of
 * which both sides share and the product keeps. From there the axis is followed through whatever
 * works expert by expert. Null where there are none.
 */
export function findExperts(index: GraphIndex): ExpertRegion | null {
  const axes = new Map<string, number>();
  const entering = new Set<string>();
  const leaving = new Map<TensorNode, string[]>();
  let experts = 0;
  for (const node of index.graph.nodes) {
    if (!isComputed(index.graph, node)) continue;
    const product = expertProduct(index, node);
    if (product !== null) {
      const { x, weight, output } = product;
      if (!axes.has(x.name)) {
        entering.add(x.name);
        axes.set(x.name, x.axis);
      }
      axes.set(weight.name, weight.axis);
      axes.set(at(node.outputs, 0), output);
      experts = at(index.tensor(weight.name).shape, weight.axis);
      continue;
    }
    const inside = node.inputs.filter((name) => axes.has(name) && !entering.has(name));
    if (inside.length > 0 && !follow(index, node, axes)) leaving.set(node, inside);
  }
  return experts === 0 ? null : { axes, entering, leaving, experts };
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

/** Carries the expert axis through a node that works expert by expert; false if it does not. */
function follow(index: GraphIndex, node: TensorNode, axes: Map<string, number>): boolean {
  const shaped = shapedNode(index.graph, node);
  const output = shaped.outputs[0];
  const input = node.inputs.findIndex((name) => axes.has(name));
  const axis = need(axes, at(node.inputs, input));
  const [target] = followAxis(shaped, input, axis);
  const size = shaped.inputs[input]?.shape[axis];
  if (typeof target !== "number" || output?.shape[target] !== size) return false;
  const parameters = new Map<string, number>();
  for (const [other, name] of node.inputs.entries()) {
    const operand = shaped.inputs[other];
    if (operand === null || operand === undefined || axes.has(name)) continue;
    if (operand.role === "activation" || operand.role === "data") return false;
    const shared = operand.shape.findIndex(
      (dim, a) => dim === size && followAxis(shaped, other, a)[0] === target,
    );
    if (shared >= 0) parameters.set(name, shared);
  }
  for (const [name, shared] of parameters) axes.set(name, shared);
  for (const name of node.outputs) if (name !== "") axes.set(name, target);
  return true;
}
