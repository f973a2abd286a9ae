import { at, need } from "../../src/base/need.js";
import type { Tensor, TensorNode } from "../../src/ir/tensor-graph.js";
import { type Axis, keyOf, type Layout, type Span, sizeOf } from "./layouts.js";

/** Nodes and tensors that arrange a tensor otherwise, and the name of the result. */
export interface Arranged {
  readonly name: string;
  readonly nodes: readonly TensorNode[];
  readonly tensors: readonly Tensor[];
}

/**
 * A tensor of layout `from` (in smallest parts) arranged as `to`, which holds the same parts: taken
 * apart, turned and merged by Reshape, Transpose and Reshape, as far as each is needed.
 * @param label begins the names of what is added
 * @param result the name that the arranged tensor gets; null: one of its own
 */
export function arrange(
  tensor: Tensor,
  from: Layout,
  to: Layout,
  batch: Axis,
  { label, result = null }: { readonly label: string; readonly result?: string | null },
): Arranged {
  const nodes: TensorNode[] = [];
  const tensors: Tensor[] = [];
  let current = tensor;
  const step = (op: "Reshape" | "Transpose", layout: Layout, perm?: readonly number[]) => {
    const shape = layout.map(sizeOf);
    if (op === "Reshape" && shape.join() === current.shape.join()) return;
    const name = `${label}_${nodes.length + 1}`;
    const inputs = [current.name];
    nodes.push({
      name,
      op,
      inputs,
      outputs: [name],
      attributes: perm === undefined ? {} : { perm },
      direction: "forward",
      origin: "inserted",
      layer: null,
      covers: [],
    });
    current = { ...tensor, name, shape, batch_axis: batchAxisOf(tensor, layout, batch) };
    tensors.push(current);
  };
  const wanted = blocksOf(from, to);
  const places = new Map(from.flat().map((span, place) => [keyOf(span), place]));
  const placeOf = (block: Axis) => need(places, keyOf(at(block, 0)));
  const apart = wanted.toSorted((a, b) => placeOf(a) - placeOf(b));
  const perm = wanted.map((block) => apart.indexOf(block));
  if (perm.some((place, i) => place !== i)) {
    step("Reshape", apart);
    step("Transpose", wanted, perm);
  }
  step("Reshape", to);
  const last = nodes.at(-1);
  if (result === null || last === undefined) return { name: current.name, nodes, tensors };
  nodes[nodes.length - 1] = { ...last, outputs: [result] };
  return { name: result, nodes, tensors: tensors.slice(0, -1) };
}

/** The spans of `to` in its order, those together that lie side by side on one axis of both layouts. */
function blocksOf(from: Layout, to: Layout): Axis[] {
  const followers = new Map<string, string>();
  for (const axis of from) {
    for (const [i, span] of axis.slice(1).entries()) followers.set(keyOf(at(axis, i)), keyOf(span));
  }
  return to.flatMap((axis) => {
    const blocks: Span[][] = [];
    for (const span of axis) {
      const last = blocks.at(-1)?.at(-1);
      const follows = last !== undefined && followers.get(keyOf(last)) === keyOf(span);
      if (follows) blocks.at(-1)?.push(span);
      else blocks.push([span]);
    }
    return blocks;
  });
}

/** Where the batch lies in a layout, if the tensor has one. */
function batchAxisOf({ batch_axis }: Tensor, layout: Layout, batch: Axis): number | null {
  if (batch_axis === null) return null;
  const [first] = batch;
  if (first === undefined) return null;
  const axis = layout.findIndex((spans) => spans.some((span) => keyOf(span) === keyOf(first)));
  return axis < 0 ? null : axis;
}

/** Whether a layout holds, axis by axis, these spans in any order. */
export function isArranged(layout: Layout, wanted: Layout): boolean {
  return (
    layout.length === wanted.length &&
    layout.every((axis, i) => {
      const keys = new Set(axis.map(keyOf));
      const spans = at(wanted, i);
      return spans.length === axis.length && spans.every((span) => keys.has(keyOf(span)));
    })
  );
}
