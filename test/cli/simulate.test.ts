import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { loadDevice } from "../../src/gpu/device.js";
import { readDetails } from "../../src/plan/details.js";
import type { CostedPlan } from "../../src/plan/plan.js";
import { onOtherGpu } from "../../src/simulate/other-gpu.js";
import { type Conditions, simulatePlan } from "../../src/simulate/simulate.js";
import { expectBadInput, MINI } from "../support/bad-input.js";
import { kareus, temporaryFolder } from "../support/cli.js";
import { costedPlanAt } from "../support/plans.js";
import { documentedOrder, replay } from "../support/replay.js";

interface Outcome {
  readonly time_s: number;
  readonly energy_j: number;
  readonly average_power_w: number;
  readonly peak_power_w: number;
  readonly lowest_power_w: number;
}

interface Simulation {
  readonly gpu: string;
  readonly sources: Readonly<Record<string, number>>;
  readonly plan: Outcome;
  readonly simulated: Outcome;
  readonly stages: readonly { readonly bubble_share: number; readonly energy_j: number }[];
  readonly power: readonly { readonly start_s: number; readonly power_w: number }[];
}

const folder = temporaryFolder();
const directory = join(folder, "out");
const path = join(directory, "plans/001.json");
let plan: CostedPlan;

const AS_IT_IS: Conditions = {
  ...{ stragglers: new Map(), microbatches: null, switch_time_s: null, recosted: false },
};

beforeAll(async () => {
  const layout = ["--tp", "2", "--pp", "2", "--microbatches", "6", "--points", "4"];
  const bind = ["--bind", "batch=8,sequence=2048", "--dtype", "bf16", "--pipeline", "zb-h1"];
  // Free switches: the instructions of a stage get clocks of their own.
  layout.push("--switch-time-s", "0");
  const run = await kareus(["optimize", MINI, ...layout, ...bind, "--out", directory]);
  expect(run.status).toBe(0);
  plan = costedPlanAt(path);
}, 60_000);

async function simulated(...flags: readonly string[]): Promise<Simulation> {
  const run = await kareus(["simulate", path, ...flags, "--json"]);
  expect(run.stderr).toBe("");
  expect(run.status).toBe(0);
  return JSON.parse(run.stdout);
}

describe("a plan replayed", () => {
  test("as it is, is the plan", () => {
    const { point, stages } = simulatePlan(plan, AS_IT_IS);
    // The same sum in another order.
    expect(point).toEqual({ ...plan.point, energy_j: expect.closeTo(plan.point.energy_j, 12) });
    expect(stages).toEqual(plan.stages);
  });

  test.each([1, 2, 5, 6, 7, 16])("with %i microbatches runs them in the schedule's order", (n) => {
    const found = simulatePlan(plan, { ...AS_IT_IS, microbatches: n });
    const shape = { pipeline: "zb-h1", stages: 2, microbatches: n, chunks: 1 };
    found.stages.forEach(({ instructions }, stage) => {
      const names = instructions.map((i) => `${i.kind} ${i.microbatch} ${i.chunk}`);
      expect(names.filter((name) => !name.startsWith("tail"))).toEqual(
        documentedOrder(shape, stage),
      );
    });
    const { time_s, energy_j } = replay(found);
    expect(found.point.time_s).toBeCloseTo(time_s, 12);
    expect(found.point.energy_j / energy_j).toBeCloseTo(1, 12);
    expect(found.parallelism.microbatches).toBe(n);
  });

  test("a straggler takes so much longer at static power, and the others wait for it", () => {
    const found = simulatePlan(plan, { ...AS_IT_IS, stragglers: new Map([[1, 1.3]]) });
    const slower = plan.stages.map(({ instructions }, stage) => ({
      instructions: instructions.map((i) => {
        const more_s = stage === 1 ? 0.3 * i.time_s : 0;
        const energy_j = i.energy_j + plan.static_power_w * more_s;
        return { ...i, time_s: i.time_s + more_s, energy_j };
      }),
    }));
    const expected = replay({ ...plan, stages: slower });
    expect(found.point.time_s).toBeCloseTo(expected.time_s, 12);
    expect(found.point.energy_j / expected.energy_j).toBeCloseTo(1, 12);
    expect(found.point.time_s).toBeGreaterThan(plan.point.time_s);
  });

  test("slower switches cost more; without any, instructions take what their runs take", () => {
    const free = simulatePlan(plan, { ...AS_IT_IS, switch_time_s: 0 });
    const first = free.stages[0]?.instructions[0];
    const sum_s = first?.use.reduce((sum, { configuration, layers }) => {
      const cost = plan.costs.find(
        (c) => c.configuration === configuration && c.freq_mhz === first.freq_mhz,
      );
      return sum + Math.max(1, layers.length) * (cost?.time_s ?? Number.NaN);
    }, 0);
    expect(first?.time_s).toBeCloseTo(sum_s ?? Number.NaN, 12);
    expect(free.stages.flatMap((s) => s.instructions).some((i) => "switch_from_mhz" in i)).toBe(
      false,
    );
    const switch_time_s = 0.0002;
    const slow = simulatePlan(plan, { ...AS_IT_IS, switch_time_s });
    const used = plan.stages.flatMap(({ instructions }) => instructions.map((i) => i.freq_mhz));
    const freq_mhz = [...new Set(used)].sort((a, b) => a - b);
    const same = {
      freq_mhz,
      call_s: freq_mhz.map(() => 0.0001),
      transition_s: freq_mhz.map(() => 0.0001),
    };
    const tabled = simulatePlan(plan, { ...AS_IT_IS, switch_time_s: same });
    expect(tabled).toEqual({ ...slow, switch_time_s: same });
    let checked = 0;
    slow.stages.forEach(({ instructions }, stage) => {
      const plain = free.stages[stage]?.instructions ?? [];
      instructions.forEach((charged, i) => {
        const before = plain.at(i - 1)?.freq_mhz;
        expect(charged.switch_from_mhz).toBe(before === charged.freq_mhz ? undefined : before);
        if (charged.switch_from_mhz === undefined) return;
        const there = plain.filter((p) => p.kind === charged.kind && p.freq_mhz === before);
        if (there.length === 0) return;
        const old_s = Math.min(...there.map(({ time_s }) => time_s));
        const share = Math.min(1, switch_time_s / old_s);
        const time_s = share * old_s + (1 - share) * (plain[i]?.time_s ?? Number.NaN);
        expect(charged.time_s).toBeCloseTo(time_s, 12);
        checked++;
      });
    });
    expect(checked).toBeGreaterThan(0);
  });
});

describe("kareus simulate", () => {
  test("tells the plan as it is: power averages to the energy, peak and lowest bound it", async () => {
    const { plan: before, simulated: after, power } = await simulated();
    const { energy_j, average_power_w } = before;
    expect(after).toEqual({
      ...before,
      energy_j: expect.closeTo(energy_j, 12),
      average_power_w: expect.closeTo(average_power_w, 9),
    });
    const ends = [...power.slice(1).map(({ start_s }) => start_s), after.time_s];
    const spent_j = power.reduce(
      (sum, { start_s, power_w }, i) => sum + power_w * ((ends[i] ?? 0) - start_s),
      0,
    );
    expect(spent_j / after.energy_j).toBeCloseTo(1, 6);
    expect(after.peak_power_w).toBe(Math.max(...power.map(({ power_w }) => power_w)));
    expect(after.lowest_power_w).toBeLessThan(after.average_power_w);
    expect(after.peak_power_w).toBeGreaterThan(after.average_power_w);
  });

  test("a straggler, more than one, and a trace of what comes of it", async () => {
    const trace = join(folder, "trace.json");
    const one = await simulated("--straggler", "0=1.2", "--trace", trace);
    const both = await simulated("--straggler", "0=1.2", "--straggler", "1=1.2");
    expect(one.simulated.time_s).toBeGreaterThan(one.plan.time_s);
    expect(both.simulated.time_s / both.plan.time_s).toBeCloseTo(1.2, 9);
    const { traceEvents } = JSON.parse(readFileSync(trace, "utf8"));
    const slices = traceEvents.filter((event: { ph: string }) => event.ph === "X");
    const last = Math.max(...slices.map((e: { ts: number; dur: number }) => e.ts + e.dur));
    expect(last / 1e6).toBeCloseTo(one.simulated.time_s, 9);
  });

  test("another GPU costs what its model says, the plan's own what it says itself", async () => {
    const flags = ["--switch-time-s", "0"];
    const there = await simulated("--gpu", "h100-sxm", ...flags);
    expect(there.gpu).toBe("h100-sxm");
    expect(Object.entries(there.sources).filter(([, count]) => count > 0)).toEqual([
      ["extrapolated", expect.any(Number)],
    ]);
    expect(there.simulated.time_s).toBeLessThan(there.plan.time_s);
    const [same, here] = [
      await simulated("--gpu", "a100-sxm4-40gb", ...flags),
      await simulated(...flags),
    ];
    expect(same.simulated.time_s / here.simulated.time_s).toBeCloseTo(1, 12);
    expect(same.simulated.energy_j / here.simulated.energy_j).toBeCloseTo(1, 12);
    expect(same.sources).toEqual(here.sources);
  });

  test("costs that follow measurements are carried over to another GPU, extrapolated", () => {
    const file = join(directory, "details.json");
    const details = readDetails(readFileSync(file, "utf8"), file);
    const measured = plan.costs.map((cost) => ({
      ...{ ...cost, source: "measured" as const },
      ...{ time_s: 1.1 * cost.time_s, energy_j: 1.2 * cost.energy_j },
    }));
    const other = loadDevice("a40");
    const modelled = onOtherGpu(plan, details.partitions, other, file);
    const carried = onOtherGpu({ ...plan, costs: measured }, details.partitions, other, file);
    carried.costs.forEach(({ source, time_s, energy_j, ...parts }, i) => {
      expect(source).toBe("extrapolated");
      expect(time_s / (modelled.costs[i]?.time_s ?? 0)).toBeCloseTo(1.1, 9);
      expect(energy_j / (modelled.costs[i]?.energy_j ?? 0)).toBeCloseTo(1.2, 9);
      const { compute_s, contention_s, exposed_communication_s, throttling_s } = parts;
      const sum_s = compute_s + contention_s + exposed_communication_s + throttling_s;
      expect(sum_s / time_s).toBeCloseTo(1, 12);
    });
    expect(new Set(modelled.costs.map(({ source }) => source))).toEqual(new Set(["modelled"]));
    expect(carried.static_power_w).toBe(other.static_power_w);
  });

  test("for people", async () => {
    const run = await kareus(["simulate", path, "--microbatches", "12"]);
    expect(run.status).toBe(0);
    expect(run.stdout).toMatch(/^Point 1 of mini on a100-sxm4-40gb: 12 microbatches\n/);
    for (const word of ["peak power", "swing", "waits", "modelled"]) {
      expect(run.stdout).toContain(word);
    }
  });

  test.each([
    [["--straggler", "7=1.2"], "KRS4208"],
    [["--straggler", "first=1.2"], "KRS4208"],
    [["--straggler", "0=0"], "KRS0002"],
    [["--straggler", "0"], "KRS0002"],
    [["--straggler", "0=1e308"], "KRS0002"],
    [["--details", MINI], "KRS0006"],
    [["--microbatches", "0"], "KRS0002"],
    [["--gpu", "abacus"], "KRS2001"],
    [["--gpu", "h200", "--details", MINI], "KRS4101"],
  ])("%j is bad input", async (flags, code) => {
    expectBadInput(await kareus(["simulate", path, ...flags]), code);
  });

  test("a plan alone runs on another GPU; an older one needs the kernels of this very run", async () => {
    const alone = join(folder, "alone.json");
    cpSync(path, alone);
    const words = ["--gpu", "h200", "--json"];
    const whole = await kareus([
      "simulate",
      path,
      ...words,
      "--details",
      join(directory, "details.json"),
    ]);
    const own = await kareus(["simulate", alone, ...words]);
    expect([own.status, own.stdout]).toEqual([0, whole.stdout]);
    const { work: _, ...older } = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(alone, JSON.stringify(older));
    expectBadInput(await kareus(["simulate", alone, "--gpu", "h200"]), "KRS4209");
    const details = JSON.parse(readFileSync(join(directory, "details.json"), "utf8"));
    const write = (name: string, change: object) => {
      writeFileSync(join(folder, name), JSON.stringify({ ...details, ...change }));
      return ["simulate", alone, "--gpu", "h200", "--details", join(folder, name)];
    };
    const other = write("other.json", { graph: { name: "mini", sha256: "0" } });
    expectBadInput(await kareus(other), "KRS4121");
    expectBadInput(await kareus(write("empty.json", { partitions: [] })), "KRS4104");
  });
});
