import { at } from "../../src/base/need.js";
import type { GraphIndex } from "../rewriting/graph-index.js";
import { type Axis, keyOf, type Layout, type Span, sizeOf } from "./layouts.js";
import type { Source } from "./sources.js";
import type { Walk } from "./walk.js";

/** What the axes of an attention are, in their smallest parts. */
export interface AttentionAxes {
  readonly batch: Axis;
  /** Those that keys have too first. */
  readonly heads: Axis;
  readonly queries: Axis;
  readonly keys: Axis;
  readonly width: Axis;
}

/** Whether two lists of spans hold the same ones. */
export function sameSpans(a: Axis, b: Axis): boolean {
  const keys = new Set(a.map(keyOf));
  return a.length === b.length && b.every((span) => keys.has(keyOf(span)));
}

/** Spans of `a` that are, or are not, in `b`. */
export function within(a: Axis, b: Axis, wanted = true): Axis {
  const keys = new Set(b.map(keyOf));
  return a.filter((span) => keys.has(keyOf(span)) === wanted);
}

/**
 * Tells batch, heads and queries apart among what queries have beside the summed width. Heads are
 * what was once one axis with the width (one projection makes them all), what repeats keys, and what
 * else keys share; the batch is where the graph's tensors have it; queries are the last axis of the
 * scores that keys do not have.
 * @param keys the keys before they are repeated
 */
export function tellApart(index: GraphIndex, walk: Walk, keys: Source): AttentionAxes {
  const ordered = at(walk.queries, 0).layout.flat();
  const width = within(ordered, walk.scores.flat(), false);
  const outer = within(ordered, width, false);
  const shared = within(outer, keys.layout.flat());
  const rest = within(outer, besideAny([...walk.queries, ...walk.keys], width), false);
  const sampled = samples(index, walk.queries);
  const queries = lengthOf(within(rest, shared, false), walk.scores, sampled);
  const others = within(rest, queries, false);
  const batch = sampled === null ? within(others, shared).slice(0, 1) : within(others, sampled);
  const heads = within(outer, [...batch, ...queries], false);
  return {
    batch,
    heads: [...within(heads, shared), ...within(heads, shared, false)],
    queries,
    keys: walk.softmax,
    width,
  };
}

/** What shares an axis with some span in any of the sources. */
function besideAny(sources: readonly Source[], spans: Axis): Axis {
  const axes = sources.flatMap(({ layout }) => layout);
  return axes.filter((axis) => within(axis, spans).length > 0).flat();
}

/** The spans of the batch, where it stands alone as far as it does; null where no source has one. */
function samples(index: GraphIndex, sources: readonly Source[]): Axis | null {
  const axes = sources.flatMap(({ name, layout }) => {
    const { batch_axis } = index.tensor(name);
    return batch_axis === null ? [] : [at(layout, batch_axis)];
  });
  const [first, ...others] = axes;
  if (first === undefined) return null;
  return others.reduce((least, axis) => (sizeOf(axis) < sizeOf(least) ? axis : least), first);
}

/** The query positions: of what keys do not have, the last root in the scores; no samples. */
function lengthOf(own: Axis, scores: Layout, sampled: Axis | null): Axis {
  const open = sampled === null ? own : within(own, sampled, false);
  const last = within(scores.flat(), open).at(-1);
  return last === undefined ? [] : open.filter(({ root }: Span) => root === last.root);
}
