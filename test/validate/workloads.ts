import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { loadDevice } from "../../src/gpu/device.js";
import { readFormat } from "../../src/plan/format.js";
import { FRONTIER_FORMAT, type FrontierFile } from "../../src/plan/frontier.js";
import { readCsv } from "../support/csv.js";
import { ROOT } from "./root.js";

/** A workload of the Kareus artifact, as its frontiers name it. */
export interface Workload {
  readonly model: string;
  readonly cp: number;
  readonly tp: number;
  readonly mbs: number;
  readonly seq: number;
}

/** Seconds of an iteration, joules of one GPU of each stage. */
export interface Outcome {
  readonly time_s: number;
  readonly energy_j: number;
}

/** The fastest point of a planned frontier. */
export interface Planned {
  readonly sequential: Outcome;
  readonly nanobatched: Outcome;
}

export const GPU = "a100-sxm4-40gb";
export const STAGES = 2;
const MICROBATCHES = 8;

/** Points per frontier: enough that reading between them does not matter. */
export const DENSE = 100;

/** The example graph of each model of the artifact. */
const GRAPHS: Readonly<Record<string, string>> = {
  "llama3.2_3b": "llama-3.2-3b/llama-3.2-3b.onnx",
  "qwen3_1.7b": "qwen3-1.7b/qwen3-1.7b.onnx",
};

export const nameOf = ({ model, cp, tp, mbs, seq }: Workload) =>
  `${model} ${cp > 1 ? `CP${cp}` : ""}TP${tp} mbs${mbs} ${seq / 1024}k`;

interface PlannedPoint {
  readonly workload: Workload;
  readonly method: string;
  readonly outcome: Outcome;
}

function readPoints(file: string): PlannedPoint[] {
  return readCsv(file).map(({ text, number }) => ({
    workload: {
      model: text("model"),
      cp: number("cp"),
      tp: number("tp"),
      mbs: number("mbs"),
      seq: number("seq"),
    },
    method: text("method"),
    outcome: { time_s: number("time_s"), energy_j: number("energy_J_total") },
  }));
}

/** The fastest planned points of each workload: what Perseus reaches, alone and with nanobatches. */
export function readPlanned(file: string): { workload: Workload; planned: Planned }[] {
  const points = readPoints(file);
  const workloads = new Map(points.map(({ workload }) => [nameOf(workload), workload]));
  return [...workloads.values()].flatMap((workload) => {
    const own = points.filter((point) => nameOf(point.workload) === nameOf(workload));
    const fastest = (method: string) =>
      own
        .filter((point) => point.method === method)
        .map(({ outcome }) => outcome)
        .sort((a, b) => a.time_s - b.time_s)[0];
    const [sequential, nanobatched] = [fastest("perseus"), fastest("nanobatch_perseus")];
    if (sequential === undefined || nanobatched === undefined) return [];
    return [{ workload, planned: { sequential, nanobatched } }];
  });
}

/** What the last diagnostic says; with --json, each is an object on a line. */
function messageOf(stderr: string): string {
  const last = stderr.trim().split("\n").at(-1) ?? "";
  return /"message":"([^"]*)"/.exec(last)?.[1] ?? last;
}

const frontiers = new Map<string, FrontierFile | string>();

/** The frontier of a workload, as the command line finds it, or why there is none. Found once. */
export function frontierOf(workload: Workload, points: number): FrontierFile | string {
  const name = `${nameOf(workload)} ${points}`;
  const known = frontiers.get(name) ?? searched(workload, points);
  frontiers.set(name, known);
  return known;
}

/**
 * Between a kernel's end and the next one's start in their runs: Megatron-LM on 16 GPUs whose ranks
 * wait for each other at every collective. Fitted to the one workload that is calibrated on; beyond
 * what a queue of kernels on one GPU shows, a few microseconds, it is a residual.
 */
const GAP_US = 57;

function searched(workload: Workload, points: number): FrontierFile | string {
  const graph = GRAPHS[workload.model];
  if (graph === undefined) return "no example graph of this model";
  const { cp, tp, mbs, seq } = workload;
  return optimized(graph, [
    ...["--gpu", GPU, "--dtype", "bf16", "--bind", `batch=${mbs},sequence=${seq}`],
    ...["--tp", tp, "--cp", cp, "--pp", STAGES, "--microbatches", MICROBATCHES].map(String),
    ...["--recompute", "full", "--points", String(points), "--gap-us", String(GAP_US)],
    // Their planner, too, switches clocks for nothing; and measured, scaling the frequency of every
    // instruction cost no time (0.06 %), so that the measured row is read the same way.
    ...["--switch-time-s", "0"],
  ]);
}

/** The frontier of an example graph, or of a file by its whole path, as the command line finds it, or why there is none. */
export function optimized(graph: string, flags: readonly string[]): FrontierFile | string {
  const scratch = mkdtempSync(join(tmpdir(), "kareus-validate-"));
  const program = join(ROOT, "dist/src/cli/main.js");
  const file = resolve(ROOT, "examples", graph);
  const command = [program, "optimize", file, ...flags, "--out", scratch, "--json"];
  try {
    const run = spawnSync(process.execPath, command, { encoding: "utf8", maxBuffer: 2 ** 28 });
    if (run.status === 0) return readFormat(FRONTIER_FORMAT, run.stdout, "standard output");
    return messageOf(run.stderr);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** The fastest point of a baseline, energy of one GPU of each stage. */
export function fastestOf(
  { baselines, parallelism }: FrontierFile,
  name: FrontierFile["baselines"][number]["name"],
): Outcome {
  const point = baselines.find((baseline) => baseline.name === name)?.points[0];
  if (point === undefined) throw new Error(`no baseline ${name}`);
  const gpus = parallelism.tp * parallelism.cp;
  return { time_s: point.time_s, energy_j: point.energy_j / gpus };
}

/**
 * The outcome if everything takes `factor` times as long: dynamic energy is that of the work, static
 * energy that of the time.
 */
export function slowed({ time_s, energy_j }: Outcome, factor: number): Outcome {
  const static_w = STAGES * loadDevice(GPU).static_power_w;
  return { time_s: time_s * factor, energy_j: energy_j + static_w * time_s * (factor - 1) };
}
