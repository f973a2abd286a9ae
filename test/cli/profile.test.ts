import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { BIND, MINI } from "../support/bad-input.js";
import { codes, kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

interface Line {
  readonly partition?: string;
  readonly freq_mhz?: number;
  readonly time_s?: number;
  readonly gpu?: string;
  readonly source?: string;
}

interface PlannedStage {
  readonly stage: number;
  readonly instructions: readonly { kind: string; variant: number }[];
}

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const optimize = (out: string, ...flags: string[]) =>
  kareus(["optimize", MINI, ...BIND, "--points", "5", "--json", "--out", at(out), ...flags]);
const linesOf = (file: string): Line[] =>
  readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
const write = (file: string, lines: readonly object[]) =>
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));

let plain: string;
let header: Line = {};
let records: Line[] = [];
beforeAll(async () => {
  const run = await optimize("plain");
  expect(run.stderr).toBe("");
  plain = run.stdout;
  [header = {}, ...records] = linesOf(at("plain", "measurements.jsonl"));
  mkdirSync(at("profiles"));
  write(at("profiles", "mine.jsonl"), [{ ...header, id: "mine" }, ...measured()]);
  write(at("profiles", "other.jsonl"), [{ ...header, gpu: "h100-sxm" }]);
  write(at("one.jsonl"), [{ ...header, id: "one" }, ...measured().slice(0, 40)]);
  write(at("two.jsonl"), [{ ...header, id: "two" }, ...measured().slice(30)]);
  write(at("bad.jsonl"), [header, { ...records[0], time_s: -1 }]);
  writeFileSync(trace(), JSON.stringify({ traceEvents: traceEvents() }));
});

/** Every other clock of everything, as if measured and slower than modelled. */
const measured = () =>
  records
    .filter(({ freq_mhz = 0 }) => (freq_mhz / 30) % 2 === 1)
    .map((line) => ({ ...line, source: "measured", time_s: 1.2 * (line.time_s ?? 0), trials: 3 }));

const trace = () => at("trace.json");

/** One product, its launch and its kernel. */
function traceEvents() {
  const host = { ph: "X", pid: 1, tid: 1, ts: 1 };
  const args = {
    "Input Dims": [
      [64, 32],
      [32, 16],
    ],
    "Input type": ["float", "float"],
  };
  return [
    { ...host, cat: "cpu_op", name: "aten::mm", dur: 9, args },
    { ...host, cat: "cuda_runtime", name: "launch", dur: 1, args: { correlation: 5 } },
    { ph: "X", cat: "kernel", name: "gemm", ts: 9, dur: 40, args: { correlation: 5 } },
  ];
}

describe.concurrent("optimize --profile", () => {
  test("takes measured costs, interpolates between them and counts each", async () => {
    const run = await optimize("profiled", "--profile", at("profiles"));
    expect(run.stderr).toBe("");
    const [before, after] = [plain, run.stdout].map((text) => JSON.parse(text));
    const { costs } = after;
    const [counts] = costs.profiles;
    const all = measured().length;
    expect(counts).toMatchObject({ id: "mine", records: all, used: all, unused: [] });
    expect(costs.measured).toBe(measured().length);
    expect(costs.interpolated).toBeGreaterThan(0);
    expect(costs.measured + costs.interpolated + costs.modelled).toBe(records.length);
    expect(after.points[0].time_s / before.points[0].time_s).toBeGreaterThan(1.1);
    expect(after.points[0].time_s / before.points[0].time_s).toBeLessThan(1.21);
    const [, ...kept] = linesOf(at("profiled", "measurements.jsonl"));
    const sources = kept.map(({ source }) => source);
    expect(sources.filter((source) => source === "measured")).toHaveLength(costs.measured);
  });

  test("what a job measured of its instructions changes the next plan, and diff says by how much", async () => {
    const plan = JSON.parse(readFileSync(at("plain", "plans", "000.json"), "utf8"));
    const slower = 1.25;
    const instructions = plan.stages.flatMap(({ stage, instructions: own }: PlannedStage) =>
      own.map(({ kind, variant }) => ({
        record: "instruction",
        stage,
        instruction: kind,
        freq_mhz: plan.variants[variant].freq_mhz,
        sms: null,
        source: "measured",
        time_s: slower * plan.variants[variant].time_s,
        energy_j: slower * plan.variants[variant].energy_j,
        time_s_std: null,
        energy_j_std: null,
        trials: 10,
      })),
    );
    write(at("job.jsonl"), [{ ...header, id: "job" }, ...instructions]);
    const run = await optimize("after-job", "--profile", at("job.jsonl"));
    const [before, after] = [plain, run.stdout].map((text) => JSON.parse(text));
    const [counts] = after.costs.profiles;
    expect(counts).toMatchObject({ records: instructions.length, used: instructions.length });
    expect(counts.for[0]).toMatchObject({ what: "time of instructions" });
    expect(after.points[0].time_s / before.points[0].time_s).toBeCloseTo(slower, 2);
    expect(after.points[0].energy_j / before.points[0].energy_j).toBeCloseTo(slower, 2);
    const diff = await kareus(["diff", at("plain"), at("after-job")]);
    expect(diff.status).toBe(1);
    expect(diff.stdout).toMatch(/25(\.\d+)?%/);
  });

  test("any number of threads gives the same bytes", async () => {
    const runs = [1, 2].map((threads) =>
      optimize(`t${threads}`, "--profile", at("profiles"), "--threads", String(threads)),
    );
    const [one, two] = await Promise.all(runs);
    expect(one?.status).toBe(0);
    expect(two?.stdout).toBe(one?.stdout);
  });

  test("a model's numbers are not taken for measurements", async () => {
    const run = await optimize("modelled", "--profile", at("plain", "measurements.jsonl"));
    expect(run.status).toBe(0);
    expect(run.stderr).toContain("KRS2033");
    const { profiles, ...counts } = JSON.parse(plain).costs;
    expect(JSON.parse(run.stdout).costs).toMatchObject(counts);
    expect(JSON.parse(run.stdout).points).toEqual(JSON.parse(plain).points);
    expect(profiles).toEqual([]);
  });

  test("of another GPU, rescales: all of it extrapolated, and slower by what was measured", async () => {
    const profile = ["--gpu", "a100-sxm4-80gb", "--profile", at("profiles", "mine.jsonl")];
    const run = await optimize("what-if", ...profile);
    const warnings = run.stderr.trim().split("\n");
    expect(warnings.map((line) => JSON.parse(line).code)).toEqual(["KRS2034"]);
    const { costs, points } = JSON.parse(run.stdout);
    expect([costs.measured, costs.interpolated, costs.modelled]).toEqual([0, 0, 0]);
    expect(costs.extrapolated).toBeGreaterThan(0);
    const bare = await optimize("bare", "--gpu", "a100-sxm4-80gb");
    const ratio = points[0].time_s / JSON.parse(bare.stdout).points[0].time_s;
    expect(ratio).toBeGreaterThan(1.1);
    expect(ratio).toBeLessThan(1.25);
  });

  test("inspect costs with it as well", async () => {
    const run = await kareus([
      ...["inspect", MINI, ...BIND, "--json", "--profile", at("profiles", "mine.jsonl")],
    ]);
    const { partitions } = JSON.parse(run.stdout);
    const sources = partitions.map((each: { cost: { source: string } }) => each.cost.source);
    expect(sources).toContain("measured");
  });

  test("profiles of several GPUs, none of this one, none at all, malformed, absent", async () => {
    mkdirSync(at("foreign"));
    write(at("foreign", "a.jsonl"), [{ ...header, gpu: "h100-sxm" }]);
    write(at("foreign", "b.jsonl"), [{ ...header, gpu: "a40" }]);
    mkdirSync(at("empty"));
    const answers = [
      ["KRS2030", at("profiles", "other.jsonl")],
      ["KRS2032", at("foreign")],
      ["KRS2032", at("empty")],
      ["KRS2010", at("absent")],
      ["KRS2011", at("bad.jsonl")],
    ] as const;
    const own = ["--profile", at("profiles", "mine.jsonl")];
    const answer = async ([code, path]: (typeof answers)[number], i: number) => {
      const beside = code === "KRS2030" ? own : [];
      // Each run has its own folder: they run side by side.
      expectJson(await optimize(`x${i}`, ...beside, "--profile", path), code);
    };
    await Promise.all(answers.map(answer));
  });
});

function expectJson(run: Awaited<ReturnType<typeof optimize>>, code: string): void {
  const lines = run.stderr.trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line).code)).toEqual([code]);
  expect([run.status, run.stdout]).toEqual([2, ""]);
}

describe.concurrent("profile merge", () => {
  test("writes one profile that optimize takes, the same whatever the order", async () => {
    const all = measured();
    const files = [at("one.jsonl"), at("two.jsonl")];
    const run = await kareus(["profile", "merge", ...files, "--out", at("merged.jsonl")]);
    expect([run.status, run.stderr]).toEqual([0, ""]);
    const backward = await kareus(["profile", "merge", ...files.reverse()]);
    expect(readFileSync(at("merged.jsonl"), "utf8")).toBe(backward.stdout);
    const used = await optimize("merged", "--profile", at("merged.jsonl"));
    expect(JSON.parse(used.stdout).costs.measured).toBe(all.length);
  });

  test("profiles of different GPUs, or none, are bad input", async () => {
    const files = [at("profiles", "mine.jsonl"), at("profiles", "other.jsonl")];
    expectJson(await kareus(["profile", "merge", ...files, "--json"]), "KRS2031");
    expectJson(await kareus(["profile", "merge", "--json"]), "KRS0001");
    expectJson(await kareus(["profile", "melt", "--json"]), "KRS0001");
  });
});

describe.concurrent("profile import", () => {
  test("makes a profile of a trace, on stdout or in a file", async () => {
    const flags = ["--gpu", "a100-sxm4-40gb", "--freq-mhz", "1200"];
    const run = await kareus(["profile", "import", trace(), ...flags]);
    expect([run.status, run.stderr]).toEqual([0, ""]);
    const [first, ...rest] = run.stdout.trimEnd().split("\n");
    expect(JSON.parse(first ?? "")).toMatchObject({ gpu: "a100-sxm4-40gb", method: null });
    expect(rest.map((line) => JSON.parse(line))).toMatchObject([
      { record: "kernel", op: "matmul", freq_mhz: 1200, time_s: 4e-5, energy_j: null, trials: 1 },
    ]);
    const out = at("imported.jsonl");
    await kareus(["profile", "import", trace(), ...flags, "--out", out]);
    expect(readFileSync(out, "utf8")).toBe(run.stdout);
    const used = await optimize("imported", "--profile", out);
    expect(used.stderr).toBe("");
    expect(JSON.parse(used.stdout).costs.measured).toBe(0);
  });

  const board = (name: string, device: object) => {
    const whole = JSON.parse(readFileSync(trace(), "utf8"));
    writeFileSync(at(name), JSON.stringify({ ...whole, deviceProperties: [device] }));
    return at(name);
  };

  test("takes the device that the trace names", async () => {
    const h100 = { id: 0, name: "NVIDIA H100 80GB HBM3", numSms: 132 };
    const run = await kareus(["profile", "import", board("h100.json", h100)]);
    expect([run.status, run.stderr]).toEqual([0, ""]);
    expect(JSON.parse(run.stdout.split("\n")[0] ?? "")).toMatchObject({ gpu: "h100-sxm" });
    const either = board("either.json", { id: 0, name: "NVIDIA A100-PG509-200" });
    expectJson(await kareus(["profile", "import", either, "--json"]), "KRS2047");
    const none = board("none.json", { id: 0, name: "NVIDIA H200 NVL" });
    expectJson(await kareus(["profile", "import", none, "--json"]), "KRS2047");
  });

  test("says what is missing or wrong", async () => {
    expectJson(await kareus(["profile", "import", trace(), "--json"]), "KRS0005");
    const gpu = ["--gpu", "a100-sxm4-40gb", "--json"];
    expectJson(await kareus(["profile", "import", at("bad.jsonl"), ...gpu]), "KRS2040");
  });
});

describe.concurrent("profile record", () => {
  const record = (...flags: string[]) => kareus(["profile", "record", MINI, ...BIND, ...flags]);

  const workList = async (...flags: string[]): Promise<string[]> =>
    JSON.parse((await record(...flags, "--dry-run", "--json")).stdout).tasks;

  test("--dry-run says what would be measured, and how long it takes", async () => {
    const run = await record("--tp", "2", "--settings", "3", "--dry-run");
    expect([run.status, run.stderr]).toEqual([0, ""]);
    expect(run.stdout).toMatch(
      /^Would be measured:\n {2}\d+ kernel settings\n.*\n.*\n.* 1410 MHz.*\n.*minutes? at least\.\n$/,
    );
    const lines = await workList("--tp", "2", "--settings", "3");
    for (const line of lines) expect(line).toMatch(/^task \d+ clock 1410 sms \d+ first \d+ comm /);
    expect(new Set(lines.map((line) => line.split(" ")[1])).size).toBe(lines.length);
    expect(lines.join("\n")).toContain("comm all_reduce");
    const clocks = await workList("--settings", "0", "--lock-clocks", "900");
    expect(clocks[0]).toMatch(/^task 0 clock 900 /);
  });

  test("--slurm needs Slurm's programs, its own folder, and has no use for one GPU's clocks", async () => {
    const flags = ["--settings", "1", "--recorder", process.execPath, "--out", at("cluster.jsonl")];
    const on = (env: NodeJS.ProcessEnv, ...more: string[]) =>
      kareus(["profile", "record", MINI, ...BIND, ...flags, ...more], ROOT, env);
    const without = await on({ ...process.env, PATH: at("none") }, "--slurm");
    expect([without.status, codes(without, "error")]).toEqual([2, ["KRS2078"]]);
    expect(without.stderr).toContain("sinfo");
    expect(existsSync(at("cluster.jsonl"))).toBe(false);
    for (const wrong of [
      ["--slurm-nodes", "2"],
      ["--slurm", "--switch-times"],
    ]) {
      expect((await on(process.env, ...wrong)).status).toBe(2);
    }
    writeFileSync(at("cluster.jsonl.slurm/tasks"), "task 0 of another graph\n");
    const again = await on(process.env, "--slurm");
    expect([again.status, codes(again, "error")]).toEqual([2, ["KRS2013"]]);
  });

  test("a recording that was cut short keeps what it has, which is not measured again", async () => {
    const all = await workList("--settings", "2");
    const recorder = at("recorder.cjs");
    writeFileSync(
      recorder,
      `#!${process.execPath}
      const lines = require("node:fs").readFileSync(0, "utf8").trimEnd().split("\\n");
      console.log('{"gpu":"NVIDIA A100","driver":"","sm_count":108}');
      for (const line of lines) {
        const task = Number(line.split(" ")[1]);
        const times = { time_s: 1, time_s_std: 0, energy_j: 9, energy_j_std: 0, trials: 3 };
        if (task % 2 === 0) console.log(JSON.stringify({ task, ...times, stand_in: true }));
      }`,
      { mode: 0o755 },
    );
    const half = at("half.jsonl");
    const run = await record("--settings", "2", "--recorder", recorder, "--out", half);
    expect([run.status, codes(run, "error")]).toEqual([2, ["KRS2053"]]);
    expect(run.stderr).toContain("unanswered");
    const rest = await workList("--settings", "2", "--profile", half);
    const work = (line: string) => line.replace(/^task \d+ /, "");
    const left = all.filter((_, i) => i % 2 === 1).map(work);
    expect(rest.map(work)).toEqual(left);
  });

  test("a machine without a GPU is an honest no, and leaves nothing behind", async () => {
    const recorder = at("no-gpu");
    writeFileSync(recorder, "#!/bin/sh\nexit 3\n", { mode: 0o755 });
    const run = await record("--recorder", recorder, "--out", at("none.jsonl"));
    expect([run.status, run.stdout]).toEqual([1, ""]);
    expect(run.stderr).toContain("KRS2051");
    expect(existsSync(at("none.jsonl"))).toBe(false);
  });

  test("says what is missing or in the way", async () => {
    expectJson(await record("--json"), "KRS0005");
    const out = ["--out", at("one.jsonl"), "--json"];
    expectJson(await record(...out), "KRS0021");
    const absent = ["--recorder", at("absent"), "--out", at("new.jsonl"), "--json"];
    expectJson(await record(...absent), "KRS2050");
  });
});

test.concurrent.each(["import", "merge", "record"])(
  "profile %s --help ends with an example",
  async (name) => {
    const run = await kareus(["profile", name, "--help"]);
    expect(run.status).toBe(0);
    expect(run.stdout).toMatch(/Examples?:\n(.*\n)*? {2}\$ kareus profile /);
  },
);
