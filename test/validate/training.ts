import { join } from "node:path";
import { present } from "../../src/base/need.js";
import { RECOMPUTES, type Recompute } from "../../src/ir/choices.js";
import type { FrontierFile } from "../../src/plan/frontier.js";
import { readCsv } from "../support/csv.js";
import { accuracyOf, type Comparison, type DataSet, errorsOf, pooled } from "./errors.js";
import { atMost, type Requirement } from "./requirements.js";
import { ROOT } from "./root.js";
import { fastestOf, type Outcome, optimized } from "./workloads.js";

/** An iteration of a bundled example's shape, as it was measured on one H200. */
interface Measured extends Outcome {
  readonly model: string;
  readonly execution: string;
  readonly batch: number;
  readonly sequence: number;
  readonly microbatches: number;
  readonly recompute: Recompute;
  readonly peak_bytes: number;
}

/**
 * The rows that no constant was fitted to. They were looked at while the model and what records
 * correct of it were made, so their errors say less than those of a machine never seen.
 */
const NOT_FITTED = "qwen3-1.7b";

/** What a launch took on that machine, where it runs operator by operator. */
const EAGER_LAUNCH_US = "32";

export interface TrainingValidation extends DataSet {
  readonly memory: { readonly mean_pct: number; readonly max_pct: number };
}

export function readMeasured(): Measured[] {
  return readCsv(join(ROOT, "test/validate/data/h200-training.csv")).map(({ text, number }) => ({
    model: text("model"),
    execution: text("execution"),
    batch: number("batch"),
    sequence: number("sequence"),
    microbatches: number("microbatches"),
    recompute: present(
      RECOMPUTES.find((each) => each === text("recompute")),
      "choice",
    ),
    time_s: number("iteration_s"),
    energy_j: number("energy_j"),
    peak_bytes: number("peak_memory_gb") * 1e9,
  }));
}

function predicted(row: Measured): FrontierFile {
  const { model, execution, batch, sequence, microbatches, recompute } = row;
  const found = optimized(`${model}/${model}.onnx`, [
    ...["--gpu", "h200", "--dtype", "bf16", "--bind", `batch=${batch},sequence=${sequence}`],
    ...["--microbatches", String(microbatches), "--recompute", recompute],
    ...["--execution", execution, "--optimizer", "adamw-bf16", "--points", "2"],
    ...(execution === "eager" ? ["--launch-us", EAGER_LAUNCH_US] : []),
  ]);
  if (typeof found === "string") throw new Error(found);
  return found;
}

function nameOf({ model, execution, batch, sequence, recompute }: Measured): string {
  const again = recompute === "none" ? "" : ", recomputed";
  const held = model === NOT_FITTED ? ", not fitted" : "";
  return `${model} ${execution} ${batch} x ${sequence}${again}${held}`;
}

/** Whole training iterations on one H200: sequential at the highest clock against what was measured. */
export function training(): TrainingValidation {
  const measured = readMeasured();
  const files = measured.map(predicted);
  const outcomes = files.map((file) => fastestOf(file, "sequential-max-clock"));
  const rows = measured.map((row, i): Comparison => {
    const model = accuracyOf(outcomes.slice(i, i + 1), [row]);
    return { name: nameOf(row), points: 1, by: { model } };
  });
  const of = (execution: string) => rows.filter((_, i) => measured[i]?.execution === execution);
  const peaks = files.map(({ peak_memory_bytes }) =>
    present(peak_memory_bytes?.[0], "peak memory"),
  );
  const memory = errorsOf(
    peaks,
    measured.map(({ peak_bytes }) => peak_bytes),
  );
  const percent = (value: number, whole: number) => `${((value / whole - 1) * 100).toFixed(1)} %`;
  return {
    title: "Training on one H200: sequential, highest clock, against the measured iteration",
    rows: [...rows, pooled("compiled", of("compiled")), pooled("eager", of("eager"))],
    notes: [
      `peak memory: ${memory.mean_pct.toFixed(1)} / ${memory.max_pct.toFixed(1)} %`,
      ...measured.map((row, i) => {
        const { time_s, energy_j } = present(outcomes[i], "prediction");
        const time = percent(time_s, row.time_s);
        const energy = percent(energy_j, row.energy_j);
        const peak = percent(present(peaks[i], "peak memory"), row.peak_bytes);
        return `  ${nameOf(row)}: time ${time}, energy ${energy}, memory ${peak}`;
      }),
    ],
    memory,
  };
}

export function trainingRequirements(data: TrainingValidation): Requirement[] {
  return [
    ...atMost(data, "compiled", [5, 10], [6, 12]),
    ...atMost(data, "eager", [8, 15], [10, 20]),
    { what: "peak memory, max %", limit: 15, reached: data.memory.max_pct },
  ];
}
