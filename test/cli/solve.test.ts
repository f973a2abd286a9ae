import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type InstanceFile, readInstance } from "../../src/plan/instance.js";
import { readSolution, type SolutionFile } from "../../src/plan/solution.js";
import { kareus, temporaryFolder } from "../support/cli.js";
import { documentedOrder, replay } from "../support/replay.js";
import { charged } from "../support/switches.js";

const INSTANCES = "../shared/data/instances";
const PROFILE = "../shared/data/perseus/stage_profile_gpt3-175b_a100_sxm.csv";

const folder = temporaryFolder();
let written = 0;

function file(content: string, name = `${written++}.json`): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function solve(path: string, ...flags: string[]): Promise<SolutionFile> {
  const run = await kareus(["solve", path, ...flags, "--json"]);
  expect(run.stderr).toBe("");
  expect(run.status).toBe(0);
  return readSolution(run.stdout, "stdout");
}

type Point = SolutionFile["points"][number];

/** A choice played through the pipeline by the documented rules. */
function played(instance: InstanceFile, choice: Point["choice"]) {
  const { stages: count, microbatches, pipeline, options, tail } = instance;
  const chunks = options.length / count;
  const shape = { pipeline, stages: count, microbatches, chunks };
  const stages = choice.map((indices, stage) => {
    const order = documentedOrder(shape, stage);
    if (tail !== undefined) order.push("tail null 0");
    expect(indices.length).toBe(order.length);
    const chosen = order.map((spelled, k) => {
      const [kind = "", microbatch, chunk] = spelled.split(" ");
      const cell = options[Number(chunk) * count + stage];
      const all = (kind === "tail" ? tail?.[stage] : cell?.[kind as keyof typeof cell]) ?? [];
      const own = all[indices[k] ?? -1];
      if (own === undefined) throw new Error(`no option ${indices[k]} for ${spelled}`);
      return { kind, microbatch: Number(microbatch), chunk: Number(chunk), own, all };
    });
    const costs = charged(chosen, instance.switch_time_s ?? 0);
    const instructions = chosen.map(({ kind, microbatch, chunk, own }, k) => ({
      ...{ kind, microbatch, chunk, time_s: own.time_s, energy_j: own.energy_j },
      ...costs[k],
    }));
    return { instructions };
  });
  const parallelism = { tp: 1, cp: 1, ep: 1, pp: count, microbatches };
  const { static_power_w, transfer_s = 0 } = instance;
  return replay({ static_power_w, transfer_s, parallelism, stages });
}

/** Every point is what its choice says, above its bound, and beaten by no other. */
function expectHonest(instance: InstanceFile, { points }: SolutionFile): void {
  expect(points.length).toBeGreaterThan(0);
  points.forEach((point, k) => {
    const { time_s, energy_j } = played(instance, point.choice);
    expect(point.time_s / time_s).toBeCloseTo(1, 12);
    expect(point.energy_j / energy_j).toBeCloseTo(1, 12);
    expect(point.lower_bound_j).toBeLessThanOrEqual(point.energy_j * (1 + 1e-12));
    const before = points[k - 1];
    if (before === undefined) return;
    expect(point.time_s).toBeGreaterThan(before.time_s);
    expect(point.energy_j).toBeLessThan(before.energy_j);
  });
}

/** `size` clocks of an instruction that takes `work_s` at the highest. */
function clocks(work_s: number, size = 6) {
  return Array.from({ length: size }, (_, i) => {
    const clock = 0.6 + (0.4 * i) / (size - 1);
    const time_s = work_s / clock;
    const energy_j = work_s * (60 + 170 * clock ** 2.4) + 85 * time_s;
    return { time_s, energy_j, freq_mhz: Math.round(1410 * clock) };
  });
}

function instanceOf(changes: Partial<InstanceFile>, cells = 3): InstanceFile {
  return {
    ...{ format: "kareus-instance", version: 1, name: "made", stages: 3, microbatches: 6 },
    ...{ pipeline: "1f1b", static_power_w: 85 },
    options: Array.from({ length: cells }, (_, s) => ({
      forward: clocks(0.1 + 0.01 * s),
      backward: clocks(0.2 + 0.01 * s),
      input_gradient: clocks(0.11),
      weight_gradient: clocks(0.09),
    })),
    ...changes,
  };
}

/** A change of the clock takes the longer the higher the clock that it goes to. */
const SWITCHES = {
  freq_mhz: clocks(1).map(({ freq_mhz }) => freq_mhz),
  call_s: [0, 1, 1, 1, 1, 1].map((ms) => ms * 1e-3),
  transition_s: [1, 1, 2, 3, 4, 5].map((ms) => ms * 1e-3),
};

describe.concurrent("kareus solve", () => {
  const tail = [clocks(0.3), clocks(0.1), clocks(0.05)];
  test.each<[string, InstanceFile]>([
    ["1f1b", instanceOf({})],
    ["gpipe", instanceOf({ pipeline: "gpipe" })],
    ["zb-h1", instanceOf({ pipeline: "zb-h1" })],
    ["interleaved-1f1b", instanceOf({ pipeline: "interleaved-1f1b" }, 6)],
    ["transfers and tails", instanceOf({ transfer_s: 0.02, tail })],
    ["all at once", instanceOf({ pipeline: "interleaved-1f1b", transfer_s: 0.05, tail }, 9)],
    ["switches of the clock", instanceOf({ switch_time_s: 0.006, tail })],
    ["switches and all", instanceOf({ pipeline: "zb-h1", switch_time_s: 0.004, transfer_s: 0.01 })],
    ["switches by where they go", instanceOf({ switch_time_s: SWITCHES, tail })],
    ["split backwards and tails", instanceOf({ pipeline: "zb-h1", transfer_s: 0.01, tail })],
  ])("%s: every point is an independent replay of its choice", async (_what, instance) => {
    const solution = await solve(file(JSON.stringify(instance)), "--points", "12");
    expectHonest(instance, solution);
    expect(solution.points.length).toBeGreaterThan(6);
    expect(solution.points.length).toBeLessThanOrEqual(12);
    const fastest = played(
      instance,
      (solution.points[0]?.choice ?? []).map((stage) => stage.map(() => 5)),
    );
    expect(solution.points[0]?.time_s).toBeCloseTo(fastest.time_s, 9);
    const gap = solution.points.map((p) => p.energy_j / p.lower_bound_j - 1);
    // At the fastest there is no room for switches.
    expect(Math.max(...gap)).toBeLessThan(instance.switch_time_s === undefined ? 0.02 : 0.04);
  });

  test("choice counts the options as the instance lists them, useless ones too", async () => {
    const [good, fast] = [
      { time_s: 2, energy_j: 10 },
      { time_s: 1, energy_j: 30 },
    ];
    const useless = { time_s: 3, energy_j: 100 };
    const cell = { forward: [useless, fast, useless, good], backward: [good] };
    const options = [cell];
    const made = instanceOf({ stages: 1, microbatches: 1, static_power_w: 1, options });
    const { points } = await solve(file(JSON.stringify(made)), "--points", "2");
    expect(points.map(({ time_s, choice }) => [time_s, choice])).toEqual([
      [3, [[1, 0]]],
      [4, [[3, 0]]],
    ]);
  });

  test("--deadline: the least energy in time, one point for each", async () => {
    const path = file(JSON.stringify(instanceOf({})));
    const all = await solve(path);
    const [head, last] = [all.points[0], all.points.at(-1)];
    const middle_s = ((head?.time_s ?? 0) + (last?.time_s ?? 0)) / 2;
    const flags = [`--deadline=${middle_s}`, `--deadline=${head?.time_s}`, "--deadline=1000"];
    const { points } = await solve(path, ...flags);
    expect(points.length).toBe(3);
    expect(points[0]?.time_s).toBe(head?.time_s);
    expect(points[1]?.time_s).toBeLessThanOrEqual(middle_s);
    expect(points[1]?.time_s).toBeGreaterThan(middle_s * 0.97);
    // Past the energy-optimal time nothing is won.
    expect(points[2]?.time_s).toBeLessThan(1.02 * all.energy_optimal_time_s);
    expect((points[2]?.energy_j ?? 0) / (last?.energy_j ?? 1)).toBeCloseTo(1, 2);
    expect(all.points.length).toBeGreaterThan(12);
  });

  test("flags replace what an instance says; --write-instance shows it", async () => {
    const path = file(JSON.stringify(instanceOf({})));
    const out = join(folder, "written.json");
    const flags = ["--microbatches", "3", "--pipeline", "gpipe", "--static-power-w", "60"];
    const solution = await solve(
      ...[path, ...flags, "--transfer-s", "0.1", "--write-instance", out, "--points", "4"],
    );
    const instance = readInstance(readFileSync(out, "utf8"), out);
    expect(instance).toEqual(
      instanceOf({ microbatches: 3, pipeline: "gpipe", static_power_w: 60, transfer_s: 0.1 }),
    );
    expectHonest(instance, solution);
  });

  test("the same again gives the same bytes", async () => {
    const path = file(JSON.stringify(instanceOf({ pipeline: "zb-h1" })));
    const [a, b] = await Promise.all([1, 2].map(() => kareus(["solve", path, "--json"])));
    expect(a?.stdout).toBe(b?.stdout);
  });

  test("--timings goes to stderr and changes nothing else", async () => {
    const path = file(JSON.stringify(instanceOf({})));
    const plain = await kareus(["solve", path, "--json"]);
    const timed = await kareus(["solve", path, "--json", "--timings"]);
    expect(timed.stderr).toMatch(/^solve: [0-9.]+ \S*s\n$/);
    expect(timed.stdout).toBe(plain.stdout);
  });

  test("prints a table for a person", async () => {
    const run = await kareus(["solve", file(JSON.stringify(instanceOf({})))]);
    expect(run.status).toBe(0);
    expect(run.stdout).toMatch(/^made: 1f1b, 3 x 6 /);
    expect(run.stdout).toContain("above the bound");
  });

  test("a pipeline small enough is solved to the proven optimum, and it is said", async () => {
    const small = instanceOf({ microbatches: 1, stages: 2 }, 2);
    const run = await kareus(["solve", file(JSON.stringify(small))]);
    expect(run.stderr).toBe("");
    expect(run.stdout).toContain("optimal");
    expect(run.stdout).not.toMatch(/\d%$/m);
  });

  test("a stage profile with chunks counts chunk x stages + stage", async () => {
    const lines = ["energy,time,frequency,instruction,stage"];
    for (let cell = 0; cell < 4; cell++) {
      for (const { time_s, energy_j, freq_mhz } of clocks(0.1 + 0.02 * cell)) {
        lines.push(`${energy_j},${time_s},${freq_mhz},forward,${cell}`);
        lines.push(`${2 * energy_j},${2 * time_s},${freq_mhz},backward,${cell}`);
      }
    }
    const path = file(`${lines.join("\r\n")}\r\n`, "profile.csv");
    const flags = ["--microbatches", "4", "--static-power-w", "85", "--chunks", "2"];
    const out = join(folder, "profile.json");
    const solution = await solve(
      ...[path, ...flags, "--pipeline", "interleaved-1f1b", "--write-instance", out],
    );
    const instance = readInstance(readFileSync(out, "utf8"), out);
    expect([instance.name, instance.stages, instance.options.length]).toEqual(["profile", 2, 4]);
    expect(instance.options[3]?.forward).toEqual(clocks(0.16));
    expectHonest(instance, solution);
  });
});

describe.skipIf(!existsSync(INSTANCES))("the reference instances", () => {
  test.each(["p2x4", "p2x8", "p4x16"])("%s: honest, and never below its bounds", async (name) => {
    const path = join(INSTANCES, `${name}.json`);
    const instance = readInstance(readFileSync(path, "utf8"), path);
    const solution = await solve(path, "--points", "32");
    expectHonest(instance, solution);
    const { min_time_s, energy_optimal_time_s, bounds } = JSON.parse(
      readFileSync(join(INSTANCES, `${name}.bounds.json`), "utf8"),
    ) as {
      min_time_s: number;
      energy_optimal_time_s: number;
      bounds: { time_s: number; lower_bound_j: number }[];
    };
    expect(solution.points[0]?.time_s).toBeCloseTo(min_time_s, 9);
    expect(solution.energy_optimal_time_s).toBeCloseTo(energy_optimal_time_s, 9);
    for (const { time_s, lower_bound_j } of bounds) {
      const inTime = solution.points.filter((point) => point.time_s <= time_s);
      for (const { energy_j } of inTime) {
        expect(energy_j).toBeGreaterThanOrEqual(lower_bound_j * (1 - 1e-9));
      }
    }
  });
});

describe.skipIf(!existsSync(PROFILE))("the stage profile of GPT-3 175B on A100", () => {
  test("at no slowdown at least 15.2% below the maximum clock, 12 microbatches", async () => {
    const out = join(folder, "gpt3.json");
    const flags = ["--microbatches", "12", "--static-power-w", "83.64"];
    const whole = await solve(PROFILE, ...flags, "--points", "16", "--write-instance", out);
    const instance = readInstance(readFileSync(out, "utf8"), out);
    expect(instance.stages).toBe(8);
    expectHonest(instance, whole);
    const topClock = (stage: number, kind: "forward" | "backward"): number => {
      const list = instance.options[stage]?.[kind] ?? [];
      return list.findIndex((option) => option.freq_mhz === 1410);
    };
    const shape = { pipeline: "1f1b", stages: 8, microbatches: 12, chunks: 1 };
    const choice = instance.options.map((_, stage) =>
      documentedOrder(shape, stage).map((spelled) =>
        topClock(stage, spelled.startsWith("forward") ? "forward" : "backward"),
      ),
    );
    const reference = played(instance, choice);
    const { points } = await solve(PROFILE, ...flags, `--deadline=${reference.time_s}`);
    const saved = (energy_j = Number.NaN) => 1 - energy_j / reference.energy_j;
    expect(points[0]?.time_s).toBeLessThanOrEqual(reference.time_s * (1 + 1e-9));
    expect(saved(points[0]?.energy_j)).toBeGreaterThan(0.152);
    expect(saved(points[0]?.lower_bound_j)).toBeLessThan(0.165);
  });
});
