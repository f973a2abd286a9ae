import { addTo, at } from "../base/need.js";
import {
  type InstructionShape,
  LAST_KINDS,
  lastKindOf,
  type OptionKind,
  type PartitionedGraph,
  useCount,
} from "../ir/partition.js";
import { mean } from "../math/mean.js";

/** What a stage runs once an iteration. */
const ONCE: ReadonlySet<OptionKind> = new Set(["tail", ...LAST_KINDS]);

function placeOf({ stage, chunk, kind }: Omit<InstructionShape, "executions">): string {
  return `${stage}/${chunk}/${kind}`;
}

/** How often an iteration runs each partition type, every execution model of an instruction counted. */
export function runsPerIteration(
  graph: Pick<PartitionedGraph, "instructions">,
  microbatches: number,
): ReadonlyMap<string, number> {
  const runs = new Map<string, number>();
  const apart = new Set(graph.instructions.map(placeOf));
  for (const { stage, chunk, kind, executions } of graph.instructions) {
    const last = lastKindOf(kind);
    const others = last !== null && apart.has(placeOf({ stage, chunk, kind: last }));
    const times = ONCE.has(kind) ? 1 : microbatches - (others ? 1 : 0);
    for (const use of executions.flatMap(({ uses }) => uses)) {
      addTo(runs, use.partition, times * useCount(use));
    }
  }
  return runs;
}

/**
 * What a second may be worth in an iteration, relative to the static power of a GPU: 1 where an
 * iteration is cheapest (total energy counts), more where it is to be fast.
 */
const PRICES = [1, 2, 4, 8];

/** What the best known configuration of a partition costs at each price of time. */
export interface Standing {
  readonly cheapest_j: readonly number[];
}

/** Nothing known yet. */
export const UNKNOWN: Standing = { cheapest_j: PRICES.map(() => Number.POSITIVE_INFINITY) };

/** The standing with one more configuration. `energy_j` is its total energy. */
export function improved(
  { cheapest_j }: Standing,
  { time_s, energy_j }: { readonly time_s: number; readonly energy_j: number },
  static_power_w: number,
): Standing {
  // Total energy holds the first price already.
  const cost_j = (price: number) => energy_j + (price - 1) * static_power_w * time_s;
  return { cheapest_j: cheapest_j.map((best_j, i) => Math.min(best_j, cost_j(at(PRICES, i)))) };
}

/** Joules that one run of the partition saves on average over the prices; 0 from an unknown standing. */
export function gain(before: Standing, after: Standing): number {
  const saved = before.cheapest_j.map((best_j, i) => best_j - at(after.cheapest_j, i));
  const mean_j = mean(saved);
  return Number.isFinite(mean_j) ? mean_j : 0;
}

/** Of a round, this share is dealt evenly: what has not paid lately may still. */
const EVEN_SHARE = 0.2;

/**
 * Deals `units` out in proportion to what each is expected to gain, one by one to whoever has least
 * of what it deserves (the D'Hondt rule); of equals the first. All zero: evenly.
 */
export function allocate(units: number, expected: readonly number[]): number[] {
  const given = expected.map(() => 0);
  const total = expected.reduce((sum, one) => sum + one, 0);
  const even = 1 / Math.max(1, expected.length);
  const deserved = expected.map((one) =>
    total > 0 ? EVEN_SHARE * even + (1 - EVEN_SHARE) * (one / total) : even,
  );
  for (let unit = 0; unit < units && given.length > 0; unit++) {
    let next = 0;
    const claim = (i: number) => at(deserved, i) / (at(given, i) + 1);
    for (let i = 1; i < given.length; i++) if (claim(i) > claim(next)) next = i;
    given[next] = at(given, next) + 1;
  }
  return given;
}
