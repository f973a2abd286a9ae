import type { Baseline, FrontierFile } from "../plan/frontier.js";

/** What the searched frontier saves against one baseline; a gain that is never reached is null. */
export interface Gains {
  readonly baseline: Baseline["name"];
  /** At the baseline's fastest time, relative to its energy there: 0.18 is 18% less energy. */
  readonly energy: number | null;
  /** At the baseline's lowest energy, relative to its time there. */
  readonly time: number | null;
}

interface Point {
  readonly time_s: number;
  readonly energy_j: number;
}

/** Iso-time energy and iso-energy time gains of a frontier against each of its baselines. */
export function gainsOf(frontier: FrontierFile): readonly Gains[] {
  return frontier.baselines.map(({ name, points }) => ({
    baseline: name,
    energy: isoGain(frontier.points, points, "time_s", "energy_j"),
    time: isoGain(frontier.points, points, "energy_j", "time_s"),
  }));
}

/** At the other's least `fixed`, how much less `saved` do we need? */
function isoGain(
  ours: readonly Point[],
  others: readonly Point[],
  fixed: keyof Point,
  saved: keyof Point,
): number | null {
  const limit = others.reduce<Point | null>(
    (best, point) => (best === null || point[fixed] < best[fixed] ? point : best),
    null,
  );
  if (limit === null) return null;
  const within = ours.filter((point) => point[fixed] <= limit[fixed]);
  if (within.length === 0) return null;
  return 1 - Math.min(...within.map((point) => point[saved])) / limit[saved];
}

/** What each baseline does, in words that fit into a sentence. */
export const BASELINE_WORDS: Readonly<Record<Baseline["name"], string>> = {
  "sequential-max-clock": "running everything at the highest clock",
  "sequential-frequency": "frequency scaling alone",
  "nanobatch-frequency": "nanobatches with frequency scaling",
};

/** "23.1% less energy in the same time, 18.9% less time for the same energy": one sentence. */
export function gainSentence({ baseline, energy, time }: Gains): string {
  const name = BASELINE_WORDS[baseline];
  const inTime =
    energy === null ? "never as fast as its fastest" : `${percent(energy)} energy in the same time`;
  const forEnergy =
    time === null
      ? "never as low in energy as its lowest"
      : `${percent(time)} time for the same energy`;
  return `Against ${name}: ${inTime}, ${forEnergy}.`;
}

function percent(gain: number): string {
  return `${(Math.abs(gain) * 100).toFixed(1)}% ${gain < 0 ? "more" : "less"}`;
}
