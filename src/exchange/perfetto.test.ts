import { describe, expect, it } from "vitest";
import type { PlanFile, PlanInstruction } from "../plan/plan.js";
import { replicaPower, stagePower } from "../plan/power.js";
import { perfettoTrace } from "./perfetto.js";

function instruction(
  kind: "forward" | "backward",
  start_s: number,
  time_s: number,
  power_w: number,
) {
  const energy_j = power_w * time_s;
  const fixed = { microbatch: 0, chunk: 0, execution: "sequential", use: [] } as const;
  return { ...fixed, kind, freq_mhz: 900 + power_w, start_s, time_s, energy_j, use: [] };
}

/** Two stages, one microbatch: forward, forward, backward, backward, each of 1 s. */
const stages: { stage: number; instructions: PlanInstruction[] }[] = [
  {
    stage: 0,
    instructions: [instruction("forward", 0, 1, 300), instruction("backward", 3, 1, 400)],
  },
  {
    stage: 1,
    instructions: [instruction("forward", 1, 1, 300), instruction("backward", 2, 1, 400)],
  },
];
const PLAN: PlanFile = {
  format: "kareus-plan",
  version: 2,
  partitions: [],
  configurations: [],
  graph: { name: "tiny", sha256: "" },
  gpu: { name: "board", sm_count: 8, clocks_mhz: [1200, 1300] },
  static_power_w: 80,
  parallelism: {
    ...{ tp: 2, cp: 1, ep: 1, pp: 2, dp: 1, microbatches: 1, chunks: 1 },
    ...({ pipeline: "1f1b", recompute: "none" } as const),
  },
  point: { id: 0, time_s: 4, energy_j: 0 },
  stages,
};

describe("power over an iteration", () => {
  it("is an instruction's average while it runs, static power while the stage waits", () => {
    expect(stagePower(PLAN, 0)).toEqual([
      { start_s: 0, power_w: 300 },
      { start_s: 1, power_w: 80 },
      { start_s: 3, power_w: 400 },
    ]);
    expect(stagePower(PLAN, 1)).toEqual([
      { start_s: 0, power_w: 80 },
      { start_s: 1, power_w: 300 },
      { start_s: 2, power_w: 400 },
      { start_s: 3, power_w: 80 },
    ]);
  });

  it("of a replica counts every GPU of every stage", () => {
    expect(replicaPower(PLAN)).toEqual([
      { start_s: 0, power_w: 2 * (300 + 80) },
      { start_s: 1, power_w: 2 * (80 + 300) },
      { start_s: 2, power_w: 2 * (80 + 400) },
      { start_s: 3, power_w: 2 * (400 + 80) },
    ]);
  });
});

describe("a trace for Perfetto", () => {
  const { traceEvents } = JSON.parse(perfettoTrace(PLAN));
  const of = (ph: string, pid: number) =>
    traceEvents.filter(
      (event: { ph: string; pid: number }) => event.ph === ph && event.pid === pid,
    );

  it("has a named process per stage, its instructions in microseconds", () => {
    expect(of("M", 1)[0].args.name).toBe("stage 0");
    const slices = of("X", 1).map(({ name, ts, dur }: Record<string, unknown>) => [name, ts, dur]);
    expect(slices).toEqual([
      ["forward 0", 0, 1e6],
      ["backward 0", 3e6, 1e6],
    ]);
    expect(of("X", 2)[1].args).toMatchObject({ freq_mhz: 1300, energy_j: 400, microbatch: 0 });
  });

  it("counts clocks and power, down to nothing at the end", () => {
    const power = of("C", 0).map(({ ts, args }: { ts: number; args: { value: number } }) => [
      ts,
      args.value,
    ]);
    expect(power.at(-1)).toEqual([4e6, 0]);
    expect(power.slice(0, 2)).toEqual([
      [0, 760],
      [1e6, 760],
    ]);
    const clocks = of("C", 1).filter(({ name }: { name: string }) => name === "freq_mhz");
    expect(clocks.map(({ args }: { args: { value: number } }) => args.value)).toEqual([1200, 1300]);
  });
});
