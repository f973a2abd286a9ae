import { present } from "../base/need.js";
import { duration, plural, scaled } from "../base/units.js";
import { powerBeyond } from "../plan/beyond-gpus.js";
import {
  describeError,
  type FrontierFile,
  type FrontierPoint,
  type PartitionSearchOutcome,
} from "../plan/frontier.js";
import { adviceLine, wholeFrontier } from "./advice.js";
import { beyondWords } from "./beyond.js";
import { billOf, billWords, type Rates } from "./bill.js";
import {
  aboveBound,
  abovePeakSentences,
  controlSentence,
  countedGpus,
  gainSentence,
  gainsOf,
  headline,
  noGainSentence,
} from "./gains.js";
import { frontierPlot, type Look } from "./plot.js";
import { sourcesInWords } from "./sources.js";
import { type Column, shownRows, table } from "./table.js";
import { workloadSentence } from "./workload.js";

const ROWS = 8;

const COLUMNS: readonly Column[] = [
  ["id", "right"],
  ["time", "right"],
  ["energy", "right"],
  ["average power", "right"],
  ["above the bound", "right"],
];

/** The result of `optimize`: a plot, a few points, and what they save. */
export function frontierSummary(
  frontier: FrontierFile,
  look: Look,
  rates: Rates | null = null,
): string {
  const { graph, gpu, points } = frontier;
  const plot = frontierPlot(frontier, look);
  const shown = shownRows(points, ROWS);
  const some = shown.length < points.length ? `, ${shown.length} of them below` : "";
  const lines = [
    `${graph.name} on ${gpu}: ${plural(points.length, "point")}${some}`,
    `Energy and power are those of ${countedGpus(frontier.parallelism)}.`,
  ];
  if (plot !== "") lines.push("", plot.trimEnd());
  const [columns, cellsOf] = billColumns(rates, frontier);
  const rows = shown.map((point) => [...row(point), ...cellsOf(point)]);
  lines.push("", table([...COLUMNS, ...columns], rows));
  const peak_bytes = Math.max(0, ...(frontier.peak_memory_bytes ?? []));
  if (peak_bytes > 0)
    lines.push(`Peak memory, estimated: ${scaled(peak_bytes, "B")} of one GPU.\n`);
  lines.push(...beyondLines(frontier));
  lines.push(...adviceLine(frontier, rates ?? undefined).map((line) => `${line}\n`));
  const whole = wholeFrontier(frontier);
  lines.push(
    ...gainLines(whole),
    ...controlSentence(whole),
    "",
    ...searchSentence(frontier.search ?? []),
  );
  lines.push(`Costs: ${costCounts(frontier)}.`, ...profileLines(frontier));
  lines.push(...errorSentence(frontier));
  return `${lines.join("\n")}\n`;
}

/** Which point takes the least where everything else is counted. */
function beyondLines(frontier: FrontierFile): string[] {
  const { beyond_gpus: beyond, points } = frontier;
  if (beyond === undefined || points.length === 0) return [];
  return [`Above, energy and power of GPUs alone. ${beyondWords(frontier, beyond)}\n`];
}

/** Columns of what a whole run takes at each point, where somebody asks. */
function billColumns(
  rates: Rates | null,
  frontier: FrontierFile,
): readonly [readonly Column[], (point: FrontierPoint) => readonly string[]] {
  if (rates === null) return [[], () => []];
  const run = rates.iterations === null ? "a year" : "the run";
  const all: readonly (readonly [Column, "energy" | "cost" | "carbon"])[] = [
    [[run, "right"], "energy"],
    ...(rates.price_per_kwh === null ? [] : [[["cost", "right"], "cost"] as const]),
    ...(rates.gco2_per_kwh === null ? [] : [[["CO2", "right"], "carbon"] as const]),
  ];
  const { dp } = frontier.parallelism;
  const cells = ({ time_s, average_power_w }: FrontierPoint) => {
    const power_w = powerBeyond(average_power_w, frontier, frontier.beyond_gpus ?? null);
    const words = billWords(billOf({ time_s, energy_j: power_w * time_s }, dp, rates));
    return all.map(([, what]) => present(words[what], what));
  };
  return [all.map(([column]) => column), cells];
}

const ENDS: Readonly<Record<PartitionSearchOutcome["stop"], string>> = {
  exhausted: "searched whole",
  converged: "until more evaluations did not pay",
  budget: "until the budget was spent",
};

/** `10008 evaluations of 26 partition types: 26 searched whole.` */
function searchSentence(search: readonly PartitionSearchOutcome[]): string[] {
  const parts = Object.entries(ENDS).flatMap(([stop, words]) => {
    const count = search.filter((each) => each.stop === stop).length;
    return count === 0 ? [] : [`${count} ${words}`];
  });
  if (parts.length === 0) return [];
  const evaluated = search.reduce((sum, each) => sum + each.evaluated, 0);
  const types = plural(search.length, "partition type");
  return [`${plural(evaluated, "evaluation")} of ${types}: ${parts.join(", ")}.`];
}

/** What is gained on the baselines, the one that matters first. */
function gainLines(frontier: FrontierFile): string[] {
  const none = noGainSentence(frontier);
  if (none !== null) return [none];
  const head = headline(frontier);
  const others = gainsOf(frontier).filter(({ baseline }) => baseline !== head?.baseline);
  const sentences = others.map(gainSentence);
  return [...(head === null ? [] : [head.sentence]), ...sentences, ...abovePeakSentences(frontier)];
}

/** Where the costs behind the points come from: `18576 modelled`. */
export function costCounts({ costs }: FrontierFile): string {
  const { profiles, ...counts } = costs;
  const names = profiles.map(({ id }) => id).join(", ");
  const borrowed = counts.extrapolated > 0 ? " by constants rescaled from another board" : "";
  return `${sourcesInWords(counts)}${borrowed}${profiles.length === 0 ? "" : ` (profiles: ${names})`}`;
}

/** `recorded-1: 98 of 110 records used (98 time of kernels); unused: 7 measured cold.`, a line a profile. */
function profileLines({ costs }: FrontierFile): string[] {
  return costs.profiles.map((profile) => {
    const served = profile.for.map(({ what, records }) => `${what} ${records}`).join(", ");
    const unused = profile.unused.map(({ reason, records }) => `${records} x ${reason}`).join("; ");
    const head = `  ${profile.id}: ${profile.used} of ${plural(profile.records, "record")} used`;
    return `${head}${served && ` (${served})`}${unused && `; not used: ${unused}`}.`;
  });
}

/** The largest expected error of any point, in words; null if a point has none. */
function worstError(points: readonly FrontierPoint[]): string | null {
  const errors = points.flatMap(({ expected_error }) => expected_error ?? []);
  if (errors.length < points.length) return null;
  return describeError({
    time: Math.max(...errors.map(({ time }) => time)),
    energy: Math.max(...errors.map(({ energy }) => energy)),
  });
}

/** How far off costs may be that were not measured; empty when all were. */
export function errorSentence(frontier: FrontierFile): string[] {
  const { costs, expected_error, gpu, workload } = frontier;
  if (costs.modelled + costs.extrapolated === 0) return [];
  if (expected_error === undefined) {
    return [
      `How far off they are is not known: no plan for ${gpu} was compared with a measurement.`,
    ];
  }
  const model = describeError(expected_error);
  const worst = worstError(frontier.points);
  const plans = worst === null || worst === model ? "" : `; of these plans at most ${worst}`;
  const sentence = `Expected error where not measured: ${model}${plans}.`;
  return workload === undefined ? [sentence] : [sentence, workloadSentence(workload, gpu)];
}

function row(point: FrontierPoint): readonly (string | number)[] {
  return [
    point.id,
    duration(point.time_s),
    scaled(point.energy_j, "J"),
    scaled(point.average_power_w, "W"),
    aboveBound(point),
  ];
}
