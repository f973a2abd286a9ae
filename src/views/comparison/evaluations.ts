import { grouped } from "../../base/grouped.js";
import { at } from "../../base/need.js";
import { plural } from "../../base/units.js";
import type { Evaluation } from "../../ir/configuration.js";
import { nameOf } from "../../ir/configuration.js";
import { median } from "../../math/mean.js";
import { paretoIndices } from "../../math/pareto.js";
import { shortName } from "../partition-names.js";
import { changeInWords, someOf } from "./words.js";

/** Smaller differences come from rounding and from adding up in another order. */
const ROUNDING = 1e-9;

/**
 * What of a run's evaluations matters most to its frontier: by partition type, those that no other
 * beats in time and energy, in their order.
 */
export function decisiveEvaluations(evaluations: readonly Evaluation[]): Evaluation[] {
  return [...grouped(evaluations, ({ partition }) => partition).values()].flatMap((own) => {
    const kept = paretoIndices(
      own.map(({ time_s }) => time_s),
      own.map(({ energy_j }) => energy_j),
    );
    return kept.toSorted((a, b) => a - b).map((i) => at(own, i));
  });
}

/** Evaluations that were expected, found again or not. */
interface MatchedEvaluations {
  readonly pairs: readonly { readonly expected: Evaluation; readonly found: Evaluation }[];
  /** Of partition types that are still there. */
  readonly missing: readonly Evaluation[];
}

/** Expected evaluations beside those of the same configuration. */
export function matchEvaluations(
  expected: readonly Evaluation[],
  found: readonly Evaluation[],
): MatchedEvaluations {
  const known = new Map(found.map((each) => [nameOf(each.partition, each), each]));
  const partitions = new Set(found.map(({ partition }) => partition));
  const matched = expected.map((each) => ({
    expected: each,
    found: known.get(nameOf(each.partition, each)),
  }));
  return {
    pairs: matched.flatMap(({ found, expected }) => (found ? [{ expected, found }] : [])),
    missing: matched.flatMap(({ found, expected: each }) =>
      found === undefined && partitions.has(each.partition) ? [each] : [],
    ),
  };
}

/** How the costs of equal configurations differ, in words; null when they agree. */
export function costChange({ pairs }: MatchedEvaluations): string | null {
  const changes = pairs.map(({ expected, found }) => ({
    partition: found.partition,
    time: found.time_s / expected.time_s - 1 || 0,
    energy: found.energy_j / expected.energy_j - 1 || 0,
    source: found.source === expected.source ? null : `${expected.source} to ${found.source}`,
  }));
  const moved = changes.filter(
    ({ time, energy, source }) => Math.max(Math.abs(time), Math.abs(energy)) > ROUNDING || source,
  );
  if (moved.length === 0) return null;
  const time = changeInWords(median(moved.map((each) => each.time)));
  const energy = changeInWords(median(moved.map((each) => each.energy)));
  const where = someOf([...new Set(moved.map(({ partition }) => shortName(partition)))]);
  const sources = [...new Set(moved.flatMap(({ source }) => source ?? []))];
  const origin = sources.length === 0 ? "" : `; their source went from ${someOf(sources)}`;
  return `${moved.length} of ${plural(pairs.length, "configuration")} cost otherwise: time ${time}, energy ${energy} in the median (${where})${origin}`;
}

/** Important configurations that were not tried again, in words; null when all were. */
export function searchChange({ pairs, missing }: MatchedEvaluations): string | null {
  if (missing.length === 0) return null;
  const where = someOf([...new Set(missing.map(({ partition }) => shortName(partition)))]);
  const all = pairs.length + missing.length;
  return `${missing.length} of ${plural(all, "configuration")} that no other beat were not evaluated (${where})`;
}
