import { existsSync } from "node:fs";
import { join } from "node:path";
import { isoXReduction, isoYReduction } from "../../src/math/hypervolume.js";
import { mean } from "../../src/math/mean.js";
import type { FrontierFile } from "../../src/plan/frontier.js";
import { readCsv } from "../support/csv.js";
import { accuracyOf, type Comparison, type DataSet, type Errors } from "./errors.js";
import {
  DENSE,
  fastestOf,
  frontierOf,
  nameOf,
  type Outcome,
  type Planned,
  readPlanned,
  slowed,
  type Workload,
} from "./workloads.js";

/** The one workload that the model is calibrated on, and that was measured end to end. */
const CALIBRATION = "llama3.2_3b TP8 mbs8 4k";

/** A workload as planned by the Kareus artifact and as modelled here. */
interface Case {
  readonly workload: Workload;
  readonly planned: Planned;
  readonly modelled: Planned;
}

export interface PlannedValidation extends DataSet {
  /** Time of the fastest plans over the published ones, uncalibrated: mean bias and spread in %. */
  readonly uncalibrated: { readonly bias_pct: number; readonly spread_pct: number };
  /** Nanobatched over sequential time: modelled less planned, in points. */
  readonly gap_points: readonly number[];
  readonly right_signs: number;
}

const gapOf = ({ sequential, nanobatched }: Planned) =>
  (nanobatched.time_s / sequential.time_s - 1) * 100;

/** Mean and standard deviation of the time over the published one, in percent. */
function uncalibrated(cases: readonly Case[]): PlannedValidation["uncalibrated"] {
  const ratios = cases.map(
    ({ modelled, planned }) => (modelled.sequential.time_s / planned.sequential.time_s - 1) * 100,
  );
  const bias_pct = mean(ratios);
  const spread_pct = Math.sqrt(mean(ratios.map((ratio) => (ratio - bias_pct) ** 2)));
  return { bias_pct, spread_pct };
}

/**
 * The fastest plans of all wanted workloads that can run, from the graph and one calibrated number:
 * the calibrating workload is always among them.
 */
export function plannedFrontiers(
  folder: string,
  wanted: (workload: Workload) => boolean = () => true,
): PlannedValidation | null {
  const file = join(folder, "kareus/planner_frontiers.csv");
  if (!existsSync(file)) return null;
  const cases: Case[] = [];
  const skipped: string[] = [];
  for (const { workload, planned } of readPlanned(file)) {
    if (!wanted(workload) && nameOf(workload) !== CALIBRATION) continue;
    // Fastest points are all that is compared; of one workload the measured row asks for more.
    const frontier = frontierOf(workload, nameOf(workload) === CALIBRATION ? DENSE : 2);
    if (typeof frontier === "string") {
      skipped.push(`skipped ${nameOf(workload)}: ${frontier}`);
      continue;
    }
    const modelled = {
      sequential: fastestOf(frontier, "sequential-frequency"),
      nanobatched: fastestOf(frontier, "nanobatch-frequency"),
    };
    cases.push({ workload, planned, modelled });
  }
  const known = cases.find(({ workload }) => nameOf(workload) === CALIBRATION);
  if (known === undefined) return null;
  return summary(cases, known, skipped);
}

/** All fastest plans as they come out of the device file alone. */
function uncalibratedRow(cases: readonly Case[]): Comparison {
  const both = ({ sequential, nanobatched }: Planned) => [sequential, nanobatched];
  const modelled = cases.flatMap((each) => both(each.modelled));
  const planned = cases.flatMap((each) => both(each.planned));
  return {
    name: "all, uncalibrated",
    points: planned.length,
    by: { model: accuracyOf(modelled, planned) },
  };
}

function summary(
  cases: readonly Case[],
  known: Case,
  skipped: readonly string[],
): PlannedValidation {
  const factor = known.planned.sequential.time_s / known.modelled.sequential.time_s;
  const others = cases.filter((each) => each !== known);
  const tokens = ({ mbs, seq }: Workload) => mbs * seq;
  /** What needs no model: so much per token, as the calibrating workload has it. */
  const perToken = (outcome: Outcome, workload: Workload): Outcome => {
    const share = tokens(workload) / tokens(known.workload);
    return { time_s: outcome.time_s * share, energy_j: outcome.energy_j * share };
  };
  const compared = (name: string, list: readonly Case[], plan: keyof Planned): Comparison => ({
    name,
    points: list.length,
    by: {
      model: accuracyOf(
        list.map(({ modelled }) => slowed(modelled[plan], factor)),
        list.map(({ planned }) => planned[plan]),
      ),
      constant: accuracyOf(
        list.map(({ workload }) => perToken(known.planned[plan], workload)),
        list.map(({ planned }) => planned[plan]),
      ),
    },
  });
  const gaps = cases.map(({ modelled, planned }) => [gapOf(modelled), gapOf(planned)] as const);
  const gap_points = gaps.map(([ours, theirs]) => ours - theirs);
  const right_signs = gaps.filter(([ours, theirs]) => Math.sign(ours) === Math.sign(theirs)).length;
  const raw = uncalibrated(cases);
  const gap_error = mean(gap_points.map(Math.abs));
  return {
    title:
      "Kareus' planned frontiers, fastest points, calibrated on one time (constant: per token)",
    rows: [
      ...cases.map((each) => compared(`${nameOf(each.workload)} M+P`, [each], "sequential")),
      ...cases.map((each) => compared(`${nameOf(each.workload)} N+P`, [each], "nanobatched")),
      compared("all others, M+P", others, "sequential"),
      compared("all, N+P", cases, "nanobatched"),
      uncalibratedRow(cases),
    ],
    notes: [
      `calibration: times x ${factor.toFixed(4)}; uncalibrated bias ${raw.bias_pct.toFixed(1)} %, spread ${raw.spread_pct.toFixed(1)} %`,
      `N+P against M+P in time: ${gap_error.toFixed(1)} points off in the mean, sign right in ${right_signs} of ${cases.length}`,
      ...gaps.map(([ours, theirs], i) => {
        const name = nameOf((cases[i] as Case).workload);
        return `  ${name}: ${ours.toFixed(1)} %, planned ${theirs.toFixed(1)} %`;
      }),
      ...skipped,
    ],
    uncalibrated: raw,
    gap_points,
    right_signs,
  };
}

/** A reduction in percent, measured and modelled. */
interface Entry {
  readonly name: string;
  readonly measured: number;
  readonly modelled: number;
}

export interface RowValidation extends DataSet {
  /** Modelled less measured, in points. */
  readonly off: Errors;
}

const reduction = (ours: number, theirs: number) => (1 - ours / theirs) * 100;

/** Every reduction that the measured row tells, from one frontier. */
function reductions(frontier: FrontierFile): ReadonlyMap<string, number> {
  const baseline = (name: FrontierFile["baselines"][number]["name"]) =>
    frontier.baselines.find((each) => each.name === name)?.points ?? [];
  const megatron = fastestOf(frontier, "sequential-max-clock");
  const methods = {
    "megatron+perseus": baseline("sequential-frequency"),
    "nanobatch+perseus": baseline("nanobatch-frequency"),
    kareus: frontier.points,
  };
  const tradeOff = (points: readonly Outcome[]) => ({
    x: points.map(({ time_s }) => time_s),
    y: points.map(({ energy_j }) => energy_j),
  });
  const reference = tradeOff(methods["megatron+perseus"]);
  const gpus = frontier.parallelism.tp * frontier.parallelism.cp;
  const found = new Map<string, number>();
  for (const [method, points] of Object.entries(methods)) {
    const [fastest] = points;
    if (fastest === undefined) continue;
    const energy_j = fastest.energy_j / gpus;
    found.set(`${method} time_reduction_pct`, reduction(fastest.time_s, megatron.time_s));
    found.set(`${method} energy_reduction_pct`, reduction(energy_j, megatron.energy_j));
    const ours = tradeOff(points);
    const iso_time = isoXReduction(ours, reference);
    const iso_energy = isoYReduction(ours, reference);
    if (iso_time !== null) found.set(`${method} iso_time_energy_reduction_pct`, iso_time * 100);
    if (iso_energy !== null) found.set(`${method} iso_energy_time_reduction_pct`, iso_energy * 100);
  }
  return found;
}

/** Frequency scaling alone was measured to cost no time: not an entry that errors can be told of. */
const LEAST_ENTRY_PCT = 1;

/** The measured row: reductions of time and energy that the Kareus authors measured on 16 GPUs. */
export function measuredRow(folder: string): RowValidation | null {
  const file = join(folder, "kareus/measured_end_to_end.csv");
  if (!existsSync(file)) return null;
  const workload = { model: "llama3.2_3b", cp: 1, tp: 8, mbs: 8, seq: 4096 };
  const frontier = frontierOf(workload, DENSE);
  if (typeof frontier === "string") return null;
  const modelled = reductions(frontier);
  const entries = readCsv(file).flatMap(({ text, number }): Entry[] => {
    const name = `${text("method")} ${text("metric")}`;
    const found = modelled.get(name);
    const measured = number("value");
    if (found === undefined || Math.abs(measured) < LEAST_ENTRY_PCT) return [];
    return [{ name, measured, modelled: found }];
  });
  const constant = mean(entries.map(({ measured }) => measured));
  const points = (predict: (entry: Entry) => number, list: readonly Entry[]): Errors => {
    const off = list.map((entry) => Math.abs(predict(entry) - entry.measured));
    return { mean_pct: mean(off), max_pct: Math.max(...off) };
  };
  const of = (what: RegExp) => entries.filter(({ name }) => what.test(name));
  const [time, energy] = [of(/time_reduction_pct$/), of(/energy_reduction_pct$/)];
  const by = (predict: (entry: Entry) => number) => ({
    time: points(predict, time),
    energy: points(predict, energy),
  });
  const ours = (entry: Entry) => entry.modelled;
  const off = points(ours, entries);
  return {
    title: `Kareus' measured row (${nameOf(workload)}): reductions, errors in points, uncalibrated`,
    rows: [
      {
        name: `${entries.length} reductions`,
        points: entries.length,
        by: { model: by(ours), constant: by(() => constant) },
      },
    ],
    notes: [
      `all: ${off.mean_pct.toFixed(1)} / ${off.max_pct.toFixed(1)} points`,
      ...entries.map(
        ({ name, measured, modelled: found }) =>
          `  ${name.replaceAll("_", " ").replace(" pct", "")}: ${found.toFixed(1)} %, measured ${measured.toFixed(1)} %`,
      ),
    ],
    off,
  };
}
