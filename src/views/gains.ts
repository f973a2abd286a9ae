import { plural, scaled } from "../base/units.js";
import { isoXReduction, isoYReduction } from "../math/hypervolume.js";
import { interpolate } from "../math/interpolate.js";
import type { Baseline, FrontierFile } from "../plan/frontier.js";
import { gpusPerReplica, gpusPerStage } from "../plan/gpus.js";
import type { Parallelism } from "../plan/shared.js";

/** What the searched frontier saves against one baseline; a gain that is never reached is null. */
export interface Gains {
  readonly baseline: Baseline["name"];
  /** At the baseline's fastest time, relative to its energy there: 0.18 is 18% less energy. */
  readonly energy: number | null;
  /** At the baseline's lowest energy, relative to its time there. */
  readonly time: number | null;
}

/** Points as mathematics has them: x is time, y energy. */
export function tradeOff(
  points: readonly { readonly time_s: number; readonly energy_j: number }[],
): { readonly x: number[]; readonly y: number[] } {
  return {
    x: points.map(({ time_s }) => time_s),
    y: points.map(({ energy_j }) => energy_j),
  };
}

/**
 * Iso-time energy and iso-energy time gains of a frontier against each of its baselines. A baseline
 * without points (the graph cannot run that way) is left out.
 */
export function gainsOf(frontier: FrontierFile): readonly Gains[] {
  const ours = tradeOff(frontier.points);
  return frontier.baselines
    .filter(({ points }) => points.length > 0)
    .map(({ name, points }) => ({
      baseline: name,
      energy: isoXReduction(ours, tradeOff(points)),
      time: isoYReduction(ours, tradeOff(points)),
    }));
}

/** Whose energy and power a frontier's are: `16 GPUs`, `one replica (16 GPUs) of 4`. */
export function countedGpus(parallelism: Parallelism): string {
  const gpus = plural(gpusPerReplica(parallelism), "GPU");
  return parallelism.dp === 1 ? gpus : `one replica (${gpus}) of ${parallelism.dp}`;
}

/** What each baseline does, in words that fit into a sentence. */
export const BASELINE_WORDS: Readonly<Record<Baseline["name"], string>> = {
  "sequential-max-clock": "running everything at the highest clock",
  "sequential-frequency": "frequency scaling alone",
  "nanobatch-frequency": "nanobatches with frequency scaling",
};

/** What each baseline is called beside others. */
export const BASELINE_TITLES: Readonly<Record<Baseline["name"], string>> = {
  "sequential-max-clock": "Sequential, highest clock",
  "sequential-frequency": "Sequential, frequency scaling",
  "nanobatch-frequency": "Nanobatched, frequency scaling",
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

/**
 * What a job must control for the plans, and what it gives up that cannot follow everything: "Control of launch points
 * and SMs as well would bring 12.3% less energy in the same time, 4.5% less time for the same energy."
 */
export function controlSentence(frontier: FrontierFile): readonly string[] {
  if (frontier.control !== undefined && frontier.control !== "all") return [givenUp(frontier)];
  // Plans that gain next to nothing beyond clocks ask for nothing more.
  const gains = gainsOf(frontier).find(({ baseline }) => baseline === "sequential-frequency");
  const isLittle = (gain: number | null) => gain === null || gain < LITTLE;
  if (gains === undefined || (isLittle(gains.energy) && isLittle(gains.time))) return [];
  return [
    "For a job whose nanobatches, launch points and SMs follow the plan; --control clocks plans for one whose clocks alone do.",
  ];
}

function givenUp(frontier: FrontierFile): string {
  const { control, full_control } = frontier;
  const more = control === "clocks" ? "launch points and SMs" : "launch points";
  if (full_control === undefined) return `What control of ${more} would add is not known.`;
  const [full, own] = [tradeOff(full_control), tradeOff(frontier.points)];
  const [energy, time] = [isoXReduction(full, own), isoYReduction(full, own)];
  const gains = [
    ...(energy === null ? [] : [`${percent(energy)} energy in the same time`]),
    ...(time === null ? [] : [`${percent(time)} time for the same energy`]),
  ];
  return `Control of ${more} as well would bring ${gains.join(", ") || "nothing more"}.`;
}

/**
 * What there is to say where plans reach what frequency scaling alone reaches and no more, and why where that
 * is plain; null where they gain something, or it was not compared.
 */
export function noGainSentence(frontier: FrontierFile): string | null {
  const gains = gainsOf(frontier);
  const isNothing = (gain: number | null) => gain !== null && Math.abs(gain) < NOTHING;
  const none = gains.every(({ energy, time }) => isNothing(energy) && isNothing(time));
  if (!none || !gains.some(({ baseline }) => baseline === "sequential-frequency")) return null;
  const words = "These points are what frequency scaling alone reaches, no more";
  if (gpusPerStage(frontier.parallelism) > 1) return `${words}.`;
  return `${words}: with one GPU for each stage there is next to no communication to run beside computation.`;
}

/** Which baseline matters most: what one has without this program, then what is left of that. */
const RIVALS: readonly Baseline["name"][] = [
  "sequential-frequency",
  "nanobatch-frequency",
  "sequential-max-clock",
];

/**
 * The sentence that matters: "At the same time, 18.2% less energy than frequency scaling alone; for
 * the same energy, 12.0% less time." Null where no baseline is ever reached.
 */
export function headline(
  frontier: FrontierFile,
): { readonly baseline: Baseline["name"]; readonly sentence: string } | null {
  const gains = gainsOf(frontier).filter(({ energy, time }) => energy !== null || time !== null);
  const [found] = RIVALS.flatMap((name) => gains.filter((gain) => gain.baseline === name));
  if (found === undefined) return null;
  const { baseline, energy, time } = found;
  const than = `than ${BASELINE_WORDS[baseline]}`;
  const parts = [
    ...(energy === null ? [] : [`at the same time, ${percent(energy)} energy ${than}`]),
    ...(time === null
      ? []
      : [`for the same energy, ${percent(time)} time${energy === null ? ` ${than}` : ""}`]),
  ].join("; ");
  return { baseline, sentence: `${capital(parts)}.` };
}

/**
 * What one point saves: "17.6% less energy than frequency scaling alone needs in that time." Where
 * the baseline is never as fast, against its fastest. Null without baselines.
 */
export function pointSentence(
  { baselines }: FrontierFile,
  { time_s, energy_j }: { readonly time_s: number; readonly energy_j: number },
): string | null {
  const [rival] = RIVALS.flatMap((name) =>
    baselines.filter((each) => each.name === name && each.points.length > 0),
  );
  if (rival === undefined) return null;
  const words = BASELINE_WORDS[rival.name];
  const { x, y } = tradeOff(rival.points);
  if (Math.min(...x) <= time_s) {
    // Between two of its points it may take turns.
    const least_j = interpolate(x, y, time_s);
    return `${capital(percent(1 - energy_j / least_j))} energy than ${words} needs in that time.`;
  }
  const fastest = rival.points.reduce((a, b) => (b.time_s < a.time_s ? b : a));
  const [time, energy] = [1 - time_s / fastest.time_s, 1 - energy_j / fastest.energy_j];
  return `${capital(percent(time))} time and ${percent(energy)} energy than ${words} at its fastest.`;
}

/** "Running everything at the highest clock draws 11.3 kW at its peak, more than the 8 kW allowed." And of bounds. */
export function abovePeakSentences({ baselines, peak_power_w }: FrontierFile): readonly string[] {
  if (peak_power_w === undefined) return [];
  const bounds =
    "Bounds do not know the limit on the peak: how far above them plans lie may be what it costs.";
  const ignoring = baselines.flatMap(({ name, least_peak_power_w: least_w }) => {
    if (least_w === undefined) return [];
    const draws = `draws at least ${scaled(least_w, "W")} at its peak`;
    const allowed = `more than the ${scaled(peak_power_w, "W")} allowed`;
    return [`${capital(BASELINE_WORDS[name])} ${draws}, ${allowed}.`];
  });
  return [...ignoring, bounds];
}

/** The baseline that advice compares with, at its fastest: what runs without a plan; null: none. */
export function rivalOf({ baselines }: FrontierFile) {
  const order = [...RIVALS].reverse();
  const [rival] = order.flatMap((name) =>
    baselines.filter((each) => each.name === name && each.points.length > 0),
  );
  if (rival === undefined) return null;
  const point = rival.points.reduce((a, b) => (b.time_s < a.time_s ? b : a));
  return { words: BASELINE_WORDS[rival.name], point };
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** Gains that are worth no more than clocks. */
const LITTLE = 0.005;

/** Smaller gains print as none. */
const NOTHING = 0.0005;

function percent(gain: number): string {
  if (Math.abs(gain) < NOTHING) return "no less";
  return `${(Math.abs(gain) * 100).toFixed(1)}% ${gain < 0 ? "more" : "less"}`;
}

/**
 * How far a plan lies above the proven minimum at its time: `0.31%`; `optimal` where it is that minimum,
 * `-` where the minimum is zero.
 */
export function aboveBound(point: {
  readonly energy_j: number;
  readonly lower_bound_j: number;
}): string {
  const above = point.energy_j / point.lower_bound_j - 1;
  if (above === 0) return "optimal";
  return Number.isFinite(above) ? `${(above * 100).toFixed(2)}%` : "-";
}
