import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type FrontierFile, readFrontier } from "../../src/plan/frontier.js";
import { type PlanFile, readPlan } from "../../src/plan/plan.js";
import { kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";
import { replay } from "../support/replay.js";

const MINI = join(ROOT, "test/golden/mini.onnx");
const folder = temporaryFolder();

/** What `optimize` finds for the two-layer graph. */
async function optimized(name: string, ...flags: string[]) {
  const out = join(folder, name);
  const run = await kareus([
    ...["optimize", MINI, "--bind", "batch=4,sequence=512", "--dtype", "bf16", "--tp", "2"],
    ...["--pp", "2", "--microbatches", "4", "--recompute", "full", "--points", "8"],
    ...["--out", out, ...flags],
  ]);
  expect(run.status).toBe(0);
  const read = (path: string) => readFileSync(join(out, path), "utf8");
  const frontier: FrontierFile = readFrontier(read("frontier.json"), "frontier.json");
  const plans: PlanFile[] = frontier.points.map(({ plan }) => readPlan(read(plan), plan));
  return { frontier, stages: plans.flatMap(({ stages }) => stages), plans };
}

/** How long a stage holds each clock, one after the other. */
function held(instructions: PlanFile["stages"][number]["instructions"]): number[] {
  const times_s: number[] = [];
  instructions.forEach(({ freq_mhz, time_s }, k) => {
    if (k > 0 && freq_mhz === instructions[k - 1]?.freq_mhz)
      times_s.push((times_s.pop() ?? 0) + time_s);
    else times_s.push(time_s);
  });
  return times_s;
}

test("a switch is told and charged, and each clock is held for ten switch times", async () => {
  const switch_time_s = 3e-5;
  const { frontier, stages, plans } = await optimized("short", `--switch-time-s=${switch_time_s}`);
  expect(frontier.switch_time_s).toBe(switch_time_s);
  for (const { instructions } of stages) {
    instructions.forEach(({ freq_mhz, switch_from_mhz }, k) => {
      const before = instructions.at(k - 1)?.freq_mhz;
      expect(switch_from_mhz).toBe(before === freq_mhz ? undefined : before);
    });
    expect(Math.min(...held(instructions))).toBeGreaterThanOrEqual(10 * switch_time_s);
  }
  const switches = stages.flatMap(({ instructions }) =>
    instructions.filter(({ switch_from_mhz }) => switch_from_mhz !== undefined),
  );
  expect(switches.length).toBeGreaterThan(plans.length);
  for (const plan of plans) {
    const { time_s, energy_j } = replay(plan);
    expect(plan.point.time_s / time_s).toBeCloseTo(1, 9);
    expect(plan.point.energy_j / energy_j).toBeCloseTo(1, 9);
  }
});

test("where every instruction is short, a stage has one clock: by the device's switch time", async () => {
  const { frontier, stages } = await optimized("device");
  expect(frontier.switch_time_s).toBe(0.005);
  for (const { instructions } of stages) {
    expect(new Set(instructions.map(({ freq_mhz }) => freq_mhz)).size).toBe(1);
  }
  const ofTheFirst = stages.filter(({ stage }) => stage === 0);
  const clocks = new Set(ofTheFirst.map(({ instructions }) => instructions[0]?.freq_mhz));
  expect(clocks.size).toBeGreaterThan(1);
});

test("free switches are not told", async () => {
  const { frontier, stages } = await optimized("free", "--switch-time-s=0");
  expect(frontier).not.toHaveProperty("switch_time_s");
  for (const { instructions } of stages) {
    for (const entry of instructions) expect(entry).not.toHaveProperty("switch_from_mhz");
  }
});
