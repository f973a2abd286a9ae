import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Diagnostic } from "../../src/base/diagnostics/diagnostic.js";
import { readProfile } from "../../src/profile/reader.js";
import { kareus, temporaryFolder } from "../support/cli.js";
import {
  ARGUMENTS,
  expectClose,
  frontierOf,
  MICROBATCHES,
  MINI,
  plansOf,
  STAGES,
} from "../support/optimized.js";

const folder = join(temporaryFolder(), "run");
const read = (path: string) => readFileSync(path, "utf8");

beforeAll(async () => {
  expect((await kareus([...ARGUMENTS, "--out", folder, "--threads", "1"])).status).toBe(0);
});

describe("frontier.json", () => {
  test("says what was run", () => {
    expect(frontierOf(folder)).toMatchObject({
      format: "kareus-frontier",
      version: 1,
      graph: { sha256: createHash("sha256").update(readFileSync(MINI)).digest("hex") },
      gpu: "a100-sxm4-40gb",
      seed: 0,
      parallelism: {
        ...{ tp: 2, cp: 1, ep: 1, pp: STAGES, dp: 1, microbatches: MICROBATCHES },
        ...{ pipeline: "1f1b", chunks: 1, recompute: "full" },
      },
    });
  });

  test("points ascend in time, strictly descend in energy and never beat their bound", () => {
    const { points } = frontierOf(folder);
    expect(points.length).toBeGreaterThan(1);
    expect(points.length).toBeLessThanOrEqual(12);
    expect(points.map((point) => point.id)).toEqual(points.map((_, index) => index));
    points.forEach((point, index) => {
      const next = points[index + 1];
      if (next) expect(next.time_s).toBeGreaterThan(point.time_s);
      if (next) expect(next.energy_j).toBeLessThan(point.energy_j);
      expect(point.energy_j).toBeGreaterThanOrEqual(point.lower_bound_j * (1 - 1e-9));
      expect(point.lower_bound_j).toBeGreaterThan(0);
      expectClose(point.average_power_w, point.energy_j / point.time_s);
    });
  });

  test("holds the three baselines, and beats or meets each", () => {
    const { baselines, points } = frontierOf(folder);
    expect(baselines.map((baseline) => baseline.name)).toEqual([
      "sequential-max-clock",
      "sequential-frequency",
      "nanobatch-frequency",
    ]);
    expect(baselines[0]?.points.length).toBe(1);
    const fastest = points[0]?.time_s ?? Number.POSITIVE_INFINITY;
    const cheapest = points.at(-1)?.energy_j ?? Number.POSITIVE_INFINITY;
    for (const baseline of baselines) {
      expect(baseline.points.length).toBeGreaterThan(0);
      expect(fastest).toBeLessThanOrEqual((baseline.points[0]?.time_s ?? 0) * (1 + 1e-9));
      const least = Math.min(...baseline.points.map((point) => point.energy_j));
      expect(cheapest).toBeLessThanOrEqual(least * (1 + 1e-9));
      // No point lies above what a baseline reaches as soon.
      for (const point of points) {
        const inTime = baseline.points.filter(({ time_s }) => time_s <= point.time_s);
        const reached = Math.min(...inTime.map(({ energy_j }) => energy_j));
        expect(point.energy_j).toBeLessThanOrEqual(reached * (1 + 1e-9));
      }
    }
  });

  test("counts every evaluation as modelled", () => {
    const { costs } = frontierOf(folder);
    const [, ...records] = read(join(folder, "measurements.jsonl")).trim().split("\n");
    expect(costs).toEqual({
      ...{ measured: 0, interpolated: 0, extrapolated: 0, profiles: [] },
      modelled: records.length,
    });
  });
});

describe("measurements.jsonl", () => {
  test("is a profile: a header, then one modelled partition record a line", () => {
    const file = join(folder, "measurements.jsonl");
    const lines = read(file).split("\n");
    expect(lines.pop()).toBe("");
    const [header, ...records] = lines.map((line) => JSON.parse(line));
    // Our own strict reader takes every line as it is.
    const warnings: Diagnostic[] = [];
    const profile = readProfile(file, (diagnostic) => warnings.push(diagnostic));
    expect(warnings).toEqual([]);
    expect(profile).toEqual({ header, records });
    expect(header).toMatchObject({ format: "kareus-profile", version: 1, gpu: "a100-sxm4-40gb" });
    expect(records.length).toBeGreaterThan(0);
    for (const record of records) {
      expect(record).toMatchObject({
        partition: expect.stringMatching(/^(forward|backward)\.[0-9a-f]{12}$/),
        source: "modelled",
        freq_mhz: expect.any(Number),
        sms: expect.any(Number),
      });
      expect(record.time_s).toBeGreaterThan(0);
      expect(record.energy_j).toBeGreaterThan(0);
    }
    const keys = records.map((r) =>
      JSON.stringify([r.partition, r.freq_mhz, r.launch_slot, r.sms, r.order]),
    );
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe("details.json", () => {
  interface Run {
    readonly freq_mhz: number;
    readonly launch_slot: string | null;
    readonly sms: number;
    readonly order: readonly number[] | null;
    readonly time_s: number;
    readonly energy_j: number;
    readonly bandwidth_bytes_per_s: number;
    readonly pieces: readonly (readonly [number, unknown, unknown, boolean, number, number])[];
  }
  interface Details {
    readonly constants: readonly { readonly source: string }[];
    readonly partitions: readonly { readonly key: string; readonly runs: readonly Run[] }[];
  }
  const details = (): Details => JSON.parse(read(join(folder, "details.json")));

  test("tells every run that a plan makes, and each adds up to what it costs", () => {
    const settingOf = (partition: string, run: Omit<Run, "pieces">) =>
      JSON.stringify([partition, run.freq_mhz, run.launch_slot, run.sms, run.order]);
    const { records } = readProfile(join(folder, "measurements.jsonl"), () => {});
    const costs = new Map(
      records.flatMap((record) =>
        record.record === "partition"
          ? [[settingOf(record.partition, record as unknown as Run), record] as const]
          : [],
      ),
    );
    const runs = details().partitions.flatMap(({ key, runs }) =>
      runs.map((run) => [key, run] as const),
    );
    for (const [key, run] of runs) {
      const cost = costs.get(settingOf(key, run));
      expect([run.time_s, run.energy_j]).toEqual([cost?.time_s, cost?.energy_j]);
      let [now_s, spent_j] = [0, 0];
      for (const [end_s, , , , bytes_per_s, power_w] of run.pieces) {
        spent_j += (end_s - now_s) * power_w;
        now_s = end_s;
        expect(bytes_per_s).toBeLessThanOrEqual(run.bandwidth_bytes_per_s * 1.00001);
      }
      expect(now_s / run.time_s).toBeCloseTo(1, 4);
      expect(spent_j / run.energy_j).toBeCloseTo(1, 3);
    }
    const told = new Set(runs.map(([key, run]) => settingOf(key, run)));
    for (const { configurations, stages } of plansOf(folder)) {
      const uses = stages.flatMap(({ instructions }) =>
        instructions.flatMap(({ freq_mhz, use }) => use.map((each) => ({ freq_mhz, ...each }))),
      );
      for (const { freq_mhz, configuration } of uses) {
        const chosen = configurations[configuration] as unknown as Run & { partition: string };
        expect(told).toContain(settingOf(chosen.partition, { ...chosen, freq_mhz }));
      }
    }
  });

  test("names the source of every constant", () => {
    const { constants } = details();
    expect(constants.length).toBeGreaterThan(20);
    for (const { source } of constants) expect(source).not.toBe("");
  });
});
