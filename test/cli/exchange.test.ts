import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { pythonLists } from "../../src/exchange/frequencies.js";
import { type PlanFile, writePlan } from "../../src/plan/plan.js";
import { codes, kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";
import { planAt } from "../support/plans.js";

const PYTHON = "/usr/bin/python3";
const SAMPLES = join(ROOT, "../shared/data/kareus/samples");
const hasPython = spawnSync(PYTHON, ["--version"]).status === 0;

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const LAYOUT = ["--tp", "2", "--pp", "2", "--microbatches", "3", "--recompute", "full"];
let plan: PlanFile;

beforeAll(async () => {
  plan = await planned("run", ...LAYOUT);
});

/** The fastest plan of the small decoder in some layout. */
async function planned(name: string, ...flags: readonly string[]): Promise<PlanFile> {
  const graph = join(ROOT, "test/golden/mini.onnx");
  const bind = ["--bind", "batch=4,sequence=512", "--dtype", "bf16", "--points", "2"];
  const run = await kareus(["optimize", graph, ...bind, ...flags, "--out", at(name)]);
  expect(run.stderr).toBe("");
  return planAt(at(`${name}/plans/000.json`));
}

/** Exports an edited plan. */
function exported(edited: PlanFile, ...flags: readonly string[]) {
  writeFileSync(at("edited.json"), writePlan(edited));
  return kareus(["export", at("edited.json"), ...flags]);
}

/** A file as its tool reads it, by that tool's rules. */
function readBack(...args: readonly string[]) {
  const run = spawnSync(PYTHON, ["-B", join(ROOT, "test/support/other-tools.py"), ...args]);
  expect(run.stderr.toString()).toBe("");
  return JSON.parse(run.stdout.toString());
}

/** The clocks of a plan's stages without tails, as every tool should get them. */
const clocksOf = ({ stages }: PlanFile) =>
  stages.map(({ instructions }) =>
    instructions.filter((i) => i.kind !== "tail").map((i) => [i.kind, i.freq_mhz]),
  );

/** The plan with clocks of its own for every instruction, the tail's like the one before. */
const manyClocks = (): PlanFile => ({
  ...plan,
  stages: plan.stages.map(({ stage, instructions }) => ({
    stage,
    instructions: instructions.map((instruction, i) => ({
      ...instruction,
      freq_mhz: 900 + 30 * (stage + Math.min(i, instructions.length - 2)),
    })),
  })),
});

describe.skipIf(!hasPython)("export --format zeus", () => {
  test("is a schedule for every rank, neighbours on a stage", async () => {
    const edited = manyClocks();
    const run = await exported(edited, "--format", "zeus", "--out", at("zeus.json"));
    expect([run.stderr, run.status]).toEqual(["", 0]);
    const [first, second] = clocksOf(edited);
    const expected = [first, first, second, second].map((clocks, rank) => [rank, clocks]);
    expect(readBack("zeus-schedules", at("zeus.json"))).toEqual(expected);
    const alone = await exported(edited, "--format", "zeus");
    expect(alone.stdout).toBe(readFileSync(at("zeus.json"), "utf8"));
  });

  test("is the server's solution where the file is Python", async () => {
    const edited = manyClocks();
    const run = await exported(edited, "--format", "zeus", "--out", at("zeus.py"), "--json");
    expect([run.stderr, run.status]).toEqual(["", 0]);
    expect(JSON.parse(run.stdout)).toEqual({ files: [at("zeus.py")] });
    expect(readBack("zeus-solution", at("zeus.py"), "2")).toEqual(clocksOf(edited));
  });

  test("warns of a tail at a clock of its own, and refuses what it has no word for", async () => {
    const edited = manyClocks();
    const tail = edited.stages[1]?.instructions.at(-1);
    if (tail?.kind !== "tail") throw new Error("the plan has no tail");
    tail.freq_mhz = 1410;
    const run = await exported(edited, "--format", "zeus");
    expect([codes(run, "warning"), run.status]).toEqual([["KRS4304"], 0]);
    expect(run.stderr).toContain("on stage 1 it runs");
    const split = await planned("zb", "--pp", "2", "--microbatches", "3", "--pipeline", "zb-h1");
    const refused = await exported(split, "--format", "zeus", "--out", at("zb.json"));
    expect([codes(refused, "error"), refused.status]).toEqual([["KRS4301"], 1]);
    expect(existsSync(at("zb.json"))).toBe(false);
  });
});

/** A plan that the artifact can express: all nanobatched, launched at the first slot, in order. */
function expressible(): PlanFile {
  const partitions = new Map(plan.partitions.map((each) => [each.key, each]));
  const edited = manyClocks();
  return {
    ...edited,
    configurations: plan.configurations.map((configuration) => ({
      ...configuration,
      order: null,
      sms: 12,
      launch_slot: partitions.get(configuration.partition)?.slots[0]?.name ?? null,
    })),
    stages: edited.stages.map(({ stage, instructions }) => ({
      stage,
      instructions: instructions.map((each) => ({ ...each, execution: "nanobatched" })),
    })),
  };
}

describe.skipIf(!hasPython)("export --format kareus-artifact", () => {
  const artifact = (edited: PlanFile, ...flags: readonly string[]) =>
    exported(edited, "--format", "kareus-artifact", "--out", at("artifact"), ...flags);
  const pair = [at("artifact/freqs_pipeline_00000.py"), at("artifact/scheds_pipeline_00000.py")];

  test("is what its runtime reads", async () => {
    const edited = expressible();
    const run = await artifact(edited);
    expect([run.stderr, run.status]).toEqual(["", 0]);
    const { clocks, stages } = readBack("artifact", ...pair, "plain");
    expect(clocks).toEqual(clocksOf(edited));
    const norm = ["norm_0", "none", 12, 1024];
    for (const [kind, ...settings] of stages.flat()) {
      expect(settings).toEqual(Array(kind === "forward" ? 2 : 4).fill(norm));
    }
  });

  test("names launch points by operator, and takes what most layers use", async () => {
    const edited = expressible();
    const attention = edited.partitions.find(
      ({ direction, slots }) => direction === "backward" && slots.some((s) => s.name === "rope_0"),
    );
    for (const each of edited.configurations) {
      // Input gradient of the second linear: the artifact's backward of it is its second linear too.
      if (each.partition === attention?.key) each.launch_slot = "rope_0";
    }
    const run = await artifact(edited);
    expect([run.stderr, run.status]).toEqual(["", 0]);
    const { stages } = readBack("artifact", ...pair, "plain");
    const points = stages.flat().flatMap((entry: unknown[][]) => entry.slice(1).map(([p]) => p));
    expect(new Set(points)).toEqual(new Set(["norm_0", "rope_0"]));
  });

  test("refuses what is only near, and with --nearest says what differs", async () => {
    const refused = await exported(plan, "--format", "kareus-artifact", "--out", at("none"));
    expect(refused.status).toBe(1);
    expect(existsSync(at("none"))).toBe(false);
    const edited = expressible();
    const [first] = edited.stages[0]?.instructions ?? [];
    if (first === undefined) throw new Error("the plan has no instruction");
    first.execution = "sequential";
    const exact = await artifact(edited);
    expect([codes(exact, "error"), exact.status]).toEqual([["KRS4302"], 1]);
    const near = await artifact(edited, "--nearest");
    expect([codes(near, "warning"), near.status]).toEqual([["KRS4303"], 0]);
    expect(near.stderr).toContain("1 instruction not nanobatched");
    expect(readBack("artifact", ...pair, "plain").clocks).toEqual(clocksOf(edited));
  });

  test("refuses layouts that its runtime has no schedule for", async () => {
    const { parallelism } = plan;
    for (const change of [{ pipeline: "gpipe" }, { recompute: "none" }, { ep: 2 }] as const) {
      const other = { ...expressible(), parallelism: { ...parallelism, ...change } };
      const run = await artifact(other, "--nearest");
      expect([codes(run, "error"), run.status], JSON.stringify(change)).toEqual([["KRS4301"], 1]);
    }
    const nowhere = await exported(expressible(), "--format", "kareus-artifact");
    expect([codes(nowhere, "error"), nowhere.status]).toEqual([["KRS0005"], 2]);
  });

  test("with context parallelism every partition has its place", async () => {
    const graph = join(ROOT, "examples/llama-3.2-3b/llama-3.2-3b.onnx");
    const layout = [
      ...["--cp", "2", "--tp", "4", "--microbatches", "2", "--recompute", "full"],
      "--allow-oversize",
    ];
    const bind = ["--bind", "batch=32,sequence=4096", "--dtype", "bf16", "--points", "1"];
    await kareus(["optimize", graph, ...layout, ...bind, "--out", at("sliced")]);
    const [file, out] = [at("sliced/plans/000.json"), at("artifact")];
    const format = ["--format", "kareus-artifact", "--nearest"];
    const run = await kareus(["export", file, ...format, "--out", out]);
    expect([codes(run, "error"), run.status]).toEqual([[], 0]);
    const { stages } = readBack("artifact", ...pair, "cp");
    expect(stages.flat().map(([kind]: [string]) => kind)).toEqual(
      clocksOf(planAt(file)).flatMap((each) => each.map(([k]) => k)),
    );
  });

  test.skipIf(!existsSync(SAMPLES))("its published samples round-trip", () => {
    const names = readdirSync(SAMPLES);
    expect(names.length).toBe(4);
    for (const name of names) {
      const published = readFileSync(join(SAMPLES, name), "utf8");
      const list = published.replace(/^#.*\n?/gm, "");
      writeFileSync(at(name.replace(".txt", ".py")), published);
      const json = list.replaceAll(",\n]", "\n]").replace(/[()]/g, (c) => (c === "(" ? "[" : "]"));
      const stages = JSON.parse(json.replaceAll("'", '"'));
      expect(pythonLists(stages, "note")).toBe(`${list.trimEnd()}\n# note\n`);
    }
    for (const id of ["00324", "02495"]) {
      const files = [at(`freqs_pipeline_${id}.py`), at(`scheds_pipeline_${id}.py`)];
      const { stages } = readBack("artifact", ...files, "plain");
      expect(stages.map((each: unknown[]) => each.length)).toEqual([16, 16]);
    }
  });
});

test("export --format perfetto is a trace of every instruction", async () => {
  const run = await exported(plan, "--format", "perfetto");
  expect([run.stderr, run.status]).toEqual(["", 0]);
  const events: readonly { ph: string; dur?: number }[] = JSON.parse(run.stdout).traceEvents;
  const slices = events.filter(({ ph }) => ph === "X");
  expect(slices.length).toBe(plan.stages.flatMap(({ instructions }) => instructions).length);
  const none = await exported(plan);
  expect([codes(none, "error"), none.status]).toEqual([["KRS0005"], 2]);
  const nearest = await exported(plan, "--format", "perfetto", "--nearest");
  expect([codes(nearest, "error"), nearest.status]).toEqual([["KRS0006"], 2]);
});
