import { paretoIndices } from "../../math/pareto.js";
import type { Observation } from "../strategies/strategy.js";

/** The mean cost of one configuration over all that was observed of it. */
export interface Mean extends Observation {
  /** The key of its settings. */
  readonly key: string;
  readonly count: number;
}

/** Observations gathered by configuration: a repeated measurement counts into a mean. */
interface Seen {
  readonly add: (observation: Observation) => void;
  /** By first observation; `index` is that of the first. */
  readonly means: () => readonly Mean[];
  readonly has: (key: string) => boolean;
}

/** Gathers observations as they come, several of one key as their mean. */
export function gather(keyOf: (index: number) => string): Seen {
  const byKey = new Map<string, Mean>();
  const add = ({ index, time_s, energy_j }: Observation) => {
    const key = keyOf(index);
    const known = byKey.get(key);
    if (known === undefined) {
      byKey.set(key, { index, key, time_s, energy_j, count: 1 });
      return;
    }
    const count = known.count + 1;
    byKey.set(key, {
      ...known,
      count,
      time_s: known.time_s + (time_s - known.time_s) / count,
      energy_j: known.energy_j + (energy_j - known.energy_j) / count,
    });
  };
  return { add, means: () => [...byKey.values()], has: (key) => byKey.has(key) };
}

/** Indices of the means that no other dominates in time and energy less a constant power. */
export function frontOf(means: readonly Mean[], less_w: number): readonly number[] {
  return paretoIndices(
    means.map(({ time_s }) => time_s),
    means.map(({ time_s, energy_j }) => energy_j - less_w * time_s),
  );
}
