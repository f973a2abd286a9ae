import { at } from "../../src/base/need.js";
import type { TensorNode } from "../../src/ir/tensor-graph.js";
import type { GraphIndex } from "../rewriting/graph-index.js";
import type { Core } from "./core.js";
import { type Axis, after, isView, type Layout, type Placed, type Span } from "./layouts.js";
import { type Product, productOf } from "./product.js";
import { Cuts, type Source, sourcesOf } from "./sources.js";

/** The axes of an attention's products, followed through all that lies around them. */
export interface Walk {
  /** The query as its product reads it and before each view of it; keys and values likewise. */
  readonly queries: readonly Source[];
  readonly keys: readonly Source[];
  readonly values: readonly Source[];
  /** What the softmax sums over: the positions of the keys. */
  readonly softmax: Axis;
  readonly scores: Layout;
  /** What hides or shifts scores, with the layout of the scores that it meets. */
  readonly masks: readonly Placed[];
  /** The weighted sum of values, then each view of it that alone is read. */
  readonly results: readonly Source[];
}

/** Null where the two products are not those of an attention. */
export function walkCore(index: GraphIndex, core: Core): Walk | null {
  const first = productOf(index, core.scores, "scores.");
  const second = productOf(index, core.weighted, "result.");
  const path = first && stepsOf(index, core, first.result);
  if (first === null || second === null || path === null) return null;
  const { weights, softmax, masks } = path;
  const { values, result } = meetValues(core, second, weights);
  const roots = new Set(softmax.map(({ root }) => root));
  const holds = first.operands.map((layout) => layout.flat().some(({ root }) => roots.has(root)));
  const keySide = holds.indexOf(true);
  const summed = values.layout.flat().filter(({ root }) => roots.has(root));
  if (keySide < 0 || holds[1 - keySide] || roots.size !== 1 || summed.length === 0) return null;
  if (result.flat().some(({ root }) => roots.has(root))) return null;
  const [queries, keys] = [1 - keySide, keySide].map((side) =>
    sourcesOf(index, at(core.scores.inputs, side), at(first.operands, side)),
  );
  if (queries === undefined || keys === undefined) return null;
  return smallestParts({
    queries,
    keys,
    values: sourcesOf(index, values.name, values.layout),
    softmax,
    scores: first.result,
    masks,
    results: resultsOf(index, core.weighted, result),
  });
}

/** From the scores to the weights, whose last axis the softmax takes. */
function stepsOf(
  index: GraphIndex,
  { scores, steps }: Core,
  layout: Layout,
): { weights: Placed; softmax: Axis; masks: readonly Placed[] } | null {
  const masks: Placed[] = [];
  let softmax: Axis = [];
  let placed: Placed = { name: at(scores.outputs, 0), layout };
  for (const { node, mask } of steps) {
    const next = after(index, node, placed);
    if (next === null) return null;
    placed = { name: at(node.outputs, 0), layout: next };
    if (mask !== null) masks.push({ name: mask, layout: next });
    if (node.op !== "Softmax") continue;
    const { axis } = node.attributes;
    if (typeof axis === "number" && axis !== -1 && axis !== next.length - 1) return null;
    softmax = at(next, -1);
  }
  return { weights: placed, softmax, masks };
}

/** The value operand and the result of the second product, in terms of the first one's axes. */
function meetValues(
  { weighted }: Core,
  { operands, result }: Product,
  weights: Placed,
): { values: Placed; result: Layout } {
  const side = weighted.inputs.indexOf(weights.name);
  const names = new Map<string, readonly Span[]>();
  for (const [axis, [own]] of at(operands, side).entries()) {
    if (own !== undefined) names.set(own.root, at(weights.layout, axis));
  }
  const renamed = (layout: Layout) =>
    layout.map((axis) => axis.flatMap((span) => names.get(span.root) ?? [span]));
  const values = { name: at(weighted.inputs, 1 - side), layout: renamed(at(operands, 1 - side)) };
  return { values, result: renamed(result) };
}

const MOST_VIEWS = 3;

function resultsOf(index: GraphIndex, weighted: TensorNode, layout: Layout): readonly Source[] {
  const results: Source[] = [{ name: at(weighted.outputs, 0), layout, nodes: [weighted] }];
  for (let node = index.successor(weighted); node !== undefined; node = index.successor(node)) {
    const last = at(results, -1);
    const next = isView(node) && results.length <= MOST_VIEWS ? after(index, node, last) : null;
    if (next === null) break;
    results.push({ name: at(node.outputs, 0), layout: next, nodes: [...last.nodes, node] });
  }
  return results;
}

/** The same with every layout in the smallest parts of any; null where these do not nest. */
function smallestParts(walk: Walk): Walk | null {
  const cuts = new Cuts();
  const placed = [walk.queries, walk.keys, walk.values, walk.masks, walk.results].flat();
  cuts.add([...placed.map(({ layout }) => layout), walk.scores, [walk.softmax]]);
  const failed = [...placed.map(({ layout }) => layout), walk.scores].some(
    (layout) => cuts.refine(layout) === null,
  );
  if (failed) return null;
  const fine = (layout: Layout) => cuts.refine(layout) ?? layout;
  const each = <Item extends Placed>(items: readonly Item[]) =>
    items.map((item) => ({ ...item, layout: fine(item.layout) }));
  return {
    queries: each(walk.queries),
    keys: each(walk.keys),
    values: each(walk.values),
    softmax: at(fine([walk.softmax]), 0),
    scores: fine(walk.scores),
    masks: each(walk.masks),
    results: each(walk.results),
  };
}
