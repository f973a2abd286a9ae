import { at, need } from "../base/need.js";
import { oneOfEachUse } from "../plan/alike.js";
import type { PlanFile } from "../plan/plan.js";

/** What a name is made of. */
interface Named {
  /** `<direction>.<12 hex>`. */
  readonly key: string;
  readonly direction: string;
  /** The classes of its kernels, in order. */
  readonly classes: readonly string[];
  /** The kind of its communication; null: none. */
  readonly communication: string | null;
  /** The layers that it runs in; empty: outside layers. */
  readonly layers: readonly number[];
}

/** `attention, layers 1-27, forward (f9727d)`: what a partition type is, where, and which of its like. */
export function partitionName(partition: Named): string {
  const { key, direction, layers } = partition;
  const place = layers.length === 0 ? [] : [rangesOf(layers)];
  return `${[workOf(partition), ...place, direction].join(", ")} (${hashOf(key)})`;
}

/** `forward (f9727d)`: a partition type of which the key alone is known. */
export function shortName(key: string): string {
  const [direction, hash] = key.split(".");
  return hash === undefined ? key : `${direction} (${hash.slice(0, 6)})`;
}

/** The names of a plan's partition types, by key. */
export function partitionNames(plan: PlanFile): ReadonlyMap<string, string> {
  const keys = new Map(plan.configurations.map(({ id, partition }) => [id, partition]));
  const layers = new Map(plan.partitions.map(({ key }) => [key, new Set<number>()]));
  const uses = oneOfEachUse(plan.stages).flatMap(({ use }) => use);
  for (const { configuration, layers: own } of uses) {
    const known = need(layers, need(keys, configuration));
    for (const layer of own) known.add(layer);
  }
  return new Map(
    plan.partitions.map(({ key, direction, slots, communication }) => {
      const classes = slots.map(({ name }) => name.replace(/_\d+$/, ""));
      const kind = communication === null ? null : communication.kind;
      const own = [...need(layers, key)];
      return [
        key,
        partitionName({ key, direction, classes, communication: kind, layers: own }),
      ] as const;
    }),
  );
}

function hashOf(key: string): string {
  return at(key.split("."), -1).slice(0, 6);
}

/** What its kernels are part of, as far as their classes tell. */
function workOf({ direction, classes, communication, layers }: Named): string {
  const has = (kind: string) => classes.includes(kind);
  if (has("attn")) {
    const again = direction === "backward" && has("rope") && rotatesFirst(classes);
    return again ? "attention again" : "attention";
  }
  if (has("activation")) return has("linear") ? "MLP" : "activation";
  if (has("gather")) return "embedding";
  if (has("linear")) return layers.length === 0 ? "output head" : "linear";
  if (has("conv")) return "convolution";
  if (has("norm")) return "norm";
  if (classes.length > 0) return "element-wise";
  return communication === null ? "nothing" : communication.replaceAll("_", "-");
}

/** Forward rotates queries and keys before attention; backward alone rotates after it. */
function rotatesFirst(classes: readonly string[]): boolean {
  return classes.indexOf("rope") < classes.indexOf("attn");
}

/** With more, a name says how many layers of which. */
const MOST_RANGES = 3;

/** `layer 3`, `layers 0-13, 15`. */
function rangesOf(layers: readonly number[]): string {
  const sorted = layers.toSorted((a, b) => a - b);
  const ranges: [number, number][] = [];
  for (const layer of sorted) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === layer - 1) last[1] = layer;
    else ranges.push([layer, layer]);
  }
  const span = `${at(sorted, 0)}-${at(sorted, -1)}`;
  if (ranges.length > MOST_RANGES) return `${sorted.length} of layers ${span}`;
  const words = ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`));
  return words.length === 1 && at(ranges, 0)[0] === at(ranges, 0)[1]
    ? `layer ${words[0]}`
    : `layers ${words.join(" and ")}`;
}
