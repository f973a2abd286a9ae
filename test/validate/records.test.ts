import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { at, present } from "../../src/base/need.js";
import { sequentialAtTop } from "../../src/compose/baselines.js";
import { inContext } from "../../src/cost/evidence/in-context.js";
import { kernelResiduals, unfitness } from "../../src/cost/evidence/residuals.js";
import { costsOn } from "../../src/cost/index.js";
import { CONSTANTS } from "../../src/fit/constants.js";
import { fitDevice } from "../../src/fit/device.js";
import { fittedContent } from "../../src/fit/file.js";
import { loadDevice, readDevice } from "../../src/gpu/device.js";
import { type Device, deviceSchema } from "../../src/gpu/device-schema.js";
import { layoutOf } from "../../src/hardware.js";
import type { PartitionedGraph } from "../../src/ir/partition.js";
import { mean } from "../../src/math/mean.js";
import { loadMeasurements, type Measurements } from "../../src/profile/library.js";
import { readProfile } from "../../src/profile/reader.js";
import { EXAMPLE, lowerFile, QWEN } from "../support/lowering.js";
import { NO_MEASUREMENTS } from "../support/measurements.js";
import { ONE_GPU } from "../support/one-gpu.js";
import { ROOT } from "./root.js";
import { readMeasured } from "./training.js";

/* What our recorder measured of Llama's kernels on an H200, and iterations of Qwen3 on that H200. */

const RECORDED = join(ROOT, "../shared/data/h200/recorded_951cf33.jsonl");
const TORCH = join(ROOT, "profiles/measured/h200-kernels.jsonl");
const H200 = loadDevice("h200");

const HARDWARE = {
  ...{ gpu: "h200", profile: [], static_power_w: null, gap_us: null, transfer_s: 0 },
  ...{ switch_time_s: null, power_limit_w: null },
};

const measurementsOf = (file: string) => loadMeasurements([file], H200, () => {}).measurements;

interface Run {
  readonly graph: PartitionedGraph;
  readonly layout: ReturnType<typeof layoutOf>;
  readonly time_s: number;
  readonly energy_j: number;
}

async function runs(file: string, name: string): Promise<Run[]> {
  const rows = readMeasured().filter(({ model }) => model === name);
  return Promise.all(
    rows.map(async ({ execution, batch, sequence, microbatches, ...row }) => {
      const eager = execution === "eager";
      const job = {
        ...{ ...ONE_GPU, microbatches, optimizer: "adamw-bf16" as const },
        recompute: row.recompute,
        execution: eager ? ("eager" as const) : ("compiled" as const),
      };
      const { partitions } = await lowerFile(file, { batch, sequence }, job);
      const layout = layoutOf(job, { ...HARDWARE, launch_us: eager ? 32 : null }, H200);
      return { graph: partitions, layout, time_s: row.time_s, energy_j: row.energy_j };
    }),
  );
}

/** Predicted over measured, time and energy of each iteration. */
function ratios(all: readonly Run[], device: Device, measurements: Measurements): number[] {
  const { cost } = costsOn(device, measurements);
  return all.flatMap(({ graph, layout, time_s, energy_j }) => {
    const found = sequentialAtTop(graph, device, layout, cost);
    return [found.time_s / time_s, found.energy_j / energy_j];
  });
}

const errorOf = (of: readonly number[], quantity: 0 | 1) =>
  mean(of.filter((_, i) => i % 2 === quantity).map((ratio) => Math.abs(ratio - 1)));

/** A device whose kernels take so many times as long as this one's, and as much dynamic energy. */
function slower(device: Device, factor: number): Device {
  const { gemm_rate, attention_forward, attention_backward, memory_bandwidth } = CONSTANTS;
  const { kernel_start, memory_norm, memory_other } = CONSTANTS;
  const rates = [gemm_rate, attention_forward, attention_backward, memory_bandwidth];
  const times = [kernel_start, memory_norm, memory_other];
  const slow = rates.reduce((made, { scale }) => scale(made, 1 / factor), device);
  return times.reduce((made, { scale }) => scale(made, factor), slow);
}

const variance = (values: readonly number[]) => {
  const centre = mean(values);
  const squares = values.map((value) => (value - centre) ** 2);
  return (mean(squares) * values.length) / (values.length - 1);
};

describe.skipIf(!existsSync(RECORDED))("records of one model's kernels on an H200", () => {
  let all: readonly Run[] = [];
  let recorded = NO_MEASUREMENTS;
  beforeAll(async () => {
    all = await runs(QWEN, "qwen3-1.7b");
    recorded = measurementsOf(RECORDED);
  });

  test("improve the prediction for another model, in time and in energy", () => {
    const before = ratios(all, H200, NO_MEASUREMENTS);
    const after = ratios(all, H200, recorded);
    expect(after).toHaveLength(4);
    for (const [i, ratio] of after.entries()) {
      expect(Math.abs(ratio - 1)).toBeLessThan(Math.abs(at(before, i) - 1));
    }
  });

  test("any tenth less moves no prediction by more than 3 %", { timeout: 300_000 }, () => {
    const { kernels, partitions, collectives } = recorded;
    const records = [...kernels, ...partitions, ...collectives];
    const whole = ratios(all, H200, recorded);
    const tenth = (i: number) => Math.floor((i * records.length) / 10);
    const contiguous = Array.from({ length: 10 }, (_, i) => records.slice(tenth(i), tenth(i + 1)));
    const strided = Array.from({ length: 10 }, (_, i) => records.filter((_, j) => j % 10 === i));
    for (const dropped of [...contiguous, ...strided].map((each) => new Set<unknown>(each))) {
      const kept = <R>(of: readonly R[]) => of.filter((record) => !dropped.has(record));
      const less = {
        ...{ ...recorded, kernels: kept(kernels), partitions: kept(partitions) },
        collectives: kept(collectives),
      };
      const moved = ratios(all, H200, less).map((ratio, i) => ratio / present(whole[i], "it"));
      expect(Math.max(...moved.map((ratio) => Math.abs(ratio - 1)))).toBeLessThan(0.03);
    }
  });

  test("make up for most of what a device file is wrong by", () => {
    const wrong = slower(H200, 1.3);
    const before = ratios(all, wrong, NO_MEASUREMENTS);
    const after = ratios(all, wrong, recorded);
    expect(errorOf(before, 0)).toBeGreaterThan(0.2);
    expect(errorOf(after, 0)).toBeLessThan(errorOf(before, 0) / 3);
    expect(errorOf(after, 1)).toBeLessThan(errorOf(before, 1) / 3);
  });

  test("a fit to them moves no energy further from the truth", async () => {
    const both = [...all, ...(await runs(EXAMPLE, "llama-3.2-3b"))];
    expect(both).toHaveLength(6);
    const { device, content } = readDevice("h200");
    const { records } = readProfile(RECORDED, () => {});
    const { fitted, rejected } = fitDevice(device, records, false);
    expect(rejected.map(({ reason }) => reason)).toContain(
      "it ran at the power limit, and its record tells no clock_mhz",
    );
    const made = deviceSchema.parse(fittedContent(content, fitted, "a test"));
    const [before, after] = [device, made].map((on) => ratios(both, on, NO_MEASUREMENTS));
    for (const i of both.keys()) {
      const off = (of: readonly number[] | undefined) =>
        Math.abs(at(present(of, "predictions"), 2 * i + 1) - 1);
      expect(off(after)).toBeLessThanOrEqual(off(before) + 1e-9);
    }
  });

  test("differ from torch's kernels as much as is believed of them", () => {
    const residualsOf = (file: string, op: string, what: "time" | "energy") =>
      measurementsOf(file)
        .kernels.filter((record) => record.op === op && unfitness(record, H200) === null)
        .flatMap((record) => kernelResiduals(record, H200)[what])
        .map(({ known }) => known.value);
    for (const op of ["matmul", "attention", "memory"] as const) {
      for (const what of ["time", "energy"] as const) {
        const [ours, torch] = [RECORDED, TORCH].map((file) => residualsOf(file, op, what));
        const [a, b] = [present(ours, "ours"), present(torch, "torch's")];
        const [spread_a, spread_b] = [variance(a), variance(b)];
        const error = spread_a / a.length + spread_b / b.length;
        const { common, own } = inContext(H200, op, what);
        expect(common).toBeCloseTo(Math.sqrt((mean(a) - mean(b)) ** 2 + error), 3);
        expect(own).toBeCloseTo(Math.sqrt(spread_a + spread_b), 3);
      }
    }
  });
});
