import { at } from "../../src/base/need.js";
import {
  elementCount,
  isFloating,
  type Tensor,
  type TensorNode,
} from "../../src/ir/tensor-graph.js";
import type { GraphIndex } from "../rewriting/graph-index.js";
import { type Arranged, arrange, isArranged } from "./arrange.js";
import { type AttentionAxes, sameSpans, tellApart, within } from "./axes.js";
import type { Core } from "./core.js";
import { type Axis, type Layout, sizeOf } from "./layouts.js";
import { elementsOf, type Source } from "./sources.js";
import { type Walk, walkCore } from "./walk.js";

/** A tensor as the fused kernel reads or makes it. */
interface Operand extends Arranged {
  /** Nodes of the graph that the kernel takes in. */
  readonly covered: readonly TensorNode[];
}

/** What a fused attention reads and makes in place of its two products. */
interface Operands {
  readonly query: Operand;
  readonly key: Operand;
  readonly value: Operand;
  /** The widest of what hides or shifts scores; null where there is none. */
  readonly mask: Operand | null;
  /** What hides or shifts scores, as the graph has it. */
  readonly masks: readonly string[];
  readonly result: Operand;
  /** Whether heads have an axis; else every sample has one. */
  readonly hasHeads: boolean;
}

/**
 * Follows every axis of the two products of an attention to where its operands come from, and gives
 * these as [batch, heads, positions, width], or [batch, positions, width] where there are no heads:
 * before keys and values are repeated, turned or scaled, arranged otherwise where no tensor lies so.
 * Null where the products are not those of an attention over the last axis of its softmax.
 */
export function operandsOf(index: GraphIndex, core: Core): Operands | null {
  const walk = walkCore(index, core);
  if (walk === null) return null;
  const keys = smallest(walk.keys);
  const axes = tellApart(index, walk, keys);
  const heads = keyValueHeads(walk, axes);
  if (heads === null) return null;
  const arranger = new Arranger(index, walk, axes, core.weighted.name);
  const query = arranger.take("query", walk.queries, axes.heads, axes.queries, axes.width);
  const key = arranger.take("key", walk.keys, heads, axes.keys, axes.width);
  const value = arranger.take("value", walk.values, heads, axes.keys, arranger.valueWidth);
  const result = arranger.give(walk.results);
  if (query === null || key === null || value === null || result === null) return null;
  const wide = ({ name }: { readonly name: string }) => elementCount(index.tensor(name).shape);
  const masks = walk.masks.toSorted((a, b) => wide(b) - wide(a));
  // The kernel takes one: that which a gradient belongs to, however many are added.
  const widest = masks.find(({ name }) => isTrained(index, name)) ?? masks[0];
  return {
    query,
    key,
    value,
    result,
    mask: widest === undefined ? null : arranger.mask(widest),
    masks: masks.map(({ name }) => name),
    hasHeads: !arranger.isFlat,
  };
}

/** A mask made by more nodes than this is not examined. */
const MOST_NODES = 64;

/** Whether a mask is made of parameters: a bias of relative positions, a learned part of each row. */
function isTrained(index: GraphIndex, mask: string): boolean {
  const seen = new Set<string>();
  const pending = [mask];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === "" || seen.has(name) || seen.size >= MOST_NODES) continue;
    seen.add(name);
    const { role, dtype } = index.tensor(name);
    if (!isFloating(dtype)) continue;
    if (role === "parameter") return true;
    if (role === "activation") pending.push(...(index.producer(name)?.inputs ?? []));
  }
  return false;
}

function smallest(sources: readonly Source[]): Source {
  return sources.reduce((least, source) =>
    elementsOf(source.layout) < elementsOf(least.layout) ? source : least,
  );
}

/** The heads of keys and values before they are repeated; as the products read them, if these differ. */
function keyValueHeads({ keys, values }: Walk, { heads }: AttentionAxes): Axis | null {
  const pairs = [
    [smallest(keys), smallest(values)],
    [at(keys, 0), at(values, 0)],
  ] as const;
  for (const pair of pairs) {
    const [ofKey, ofValue] = pair.map(({ layout }) => within(heads, layout.flat()));
    if (ofKey !== undefined && ofValue !== undefined && sameSpans(ofKey, ofValue)) return ofKey;
  }
  return null;
}

class Arranger {
  readonly #index: GraphIndex;
  readonly #axes: AttentionAxes;
  readonly #name: string;
  readonly isFlat: boolean;
  readonly valueWidth: Axis;

  constructor(index: GraphIndex, walk: Walk, axes: AttentionAxes, name: string) {
    this.#index = index;
    this.#axes = axes;
    this.#name = name;
    this.isFlat = axes.heads.length === 0 && at(walk.queries, 0).layout.length === 3;
    const { batch, heads, keys } = axes;
    this.valueWidth = within(
      at(walk.values, 0).layout.flat(),
      [...batch, ...heads, ...keys],
      false,
    );
  }

  #place(batch: Axis, heads: Axis, positions: Axis, width: Axis): Layout {
    return this.isFlat ? [batch, positions, width] : [batch, heads, positions, width];
  }

  /** The tensor nearest its source that lies as wanted; else the one that takes least to arrange so. */
  take(
    what: string,
    sources: readonly Source[],
    heads: Axis,
    positions: Axis,
    width: Axis,
  ): Operand | null {
    const { batch } = this.#axes;
    const layoutIn = ({ layout }: Source) =>
      this.#place(within(batch, layout.flat()), heads, positions, width);
    const ready = sources.findLast((source) => isArranged(source.layout, layoutIn(source)));
    if (ready !== undefined) {
      return { name: ready.name, nodes: [], tensors: [], covered: ready.nodes };
    }
    const found = sources.filter((source) =>
      sameSpans(source.layout.flat(), layoutIn(source).flat()),
    );
    const ways = found.map((source) => ({
      ...this.#arranged(source, layoutIn(source), what),
      covered: source.nodes,
    }));
    // The later in the list, the nearer the source.
    return ways.reduce<Operand | null>(
      (best, way) => (best === null || way.nodes.length <= best.nodes.length ? way : best),
      null,
    );
  }

  /** The first tensor behind the products that lies as the kernel makes it, or one made of that. */
  give(results: readonly Source[]): Operand | null {
    const { batch, heads, queries } = this.#axes;
    const wanted = this.#place(batch, heads, queries, this.valueWidth);
    const ready = results.find(({ layout }) => isArranged(layout, wanted));
    if (ready !== undefined) {
      return { name: ready.name, nodes: [], tensors: [], covered: ready.nodes };
    }
    const first = at(results, 0);
    if (!sameSpans(first.layout.flat(), wanted.flat())) return null;
    const tensor = this.#index.tensor(first.name);
    const made: Tensor = {
      ...tensor,
      name: `${this.#name}/heads`,
      shape: wanted.map(sizeOf),
      batch_axis: tensor.batch_axis === null ? null : 0,
    };
    const ways = results.map(({ name, layout, nodes: covered }) => {
      const naming = { label: `${this.#name}/result`, result: name };
      const { nodes, tensors } = arrange(made, wanted, layout, batch, naming);
      return { name: made.name, nodes, tensors: [made, ...tensors], covered };
    });
    const left = ({ nodes, covered }: Operand) => nodes.length - covered.length;
    return ways.reduce((best, way) => (left(way) < left(best) ? way : best));
  }

  /** A mask as wide as the scores where it is, of one position elsewhere; null if it fits neither. */
  mask({ name, layout }: { readonly name: string; readonly layout: Layout }): Operand | null {
    const { shape } = this.#index.tensor(name);
    const met = layout.slice(Math.max(0, layout.length - shape.length));
    const own = met.map((axis, i): Axis | null => {
      if (shape[i] === 1) return [];
      return sizeOf(axis) === shape[i] ? axis : null;
    });
    if (own.length < shape.length || !own.every((axis) => axis !== null)) return null;
    const { batch, heads, queries, keys } = this.#axes;
    const held = own.flat();
    const wanted = this.#place(
      within(batch, held),
      within(heads, held),
      within(queries, held),
      within(keys, held),
    );
    const tail = wanted.slice(wanted.length - own.length);
    if (own.length <= wanted.length && isArranged(own, tail)) {
      return { name, nodes: [], tensors: [], covered: [] };
    }
    if (!sameSpans(held, wanted.flat())) return null;
    return { ...this.#arranged({ name, layout: own }, wanted, "mask"), covered: [] };
  }

  #arranged({ name, layout }: Pick<Source, "name" | "layout">, to: Layout, what: string): Arranged {
    const label = `${this.#name}/${what}`;
    return arrange(this.#index.tensor(name), layout, to, this.#axes.batch, { label });
  }
}
