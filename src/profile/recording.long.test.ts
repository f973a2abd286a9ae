import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Diagnostic } from "../base/diagnostics/diagnostic.js";
import { readProfile } from "./reader.js";
import type { RecorderSetting } from "./recorder.js";
import { recordTasks } from "./recording.js";
import type { MeasuringTask } from "./work-list.js";

const scratch = mkdtempSync(join(tmpdir(), "kareus-recording-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const work = { op: "matmul", b: 1, m: 8, n: 4, k: 2, dtype: "bfloat16" } as const;
const communication = {
  kind: "all_reduce",
  size_bytes: 1024,
  ranks: 8,
  ranks_per_node: 8,
  group: "tp",
} as const;
const base = { freq_mhz: 1410, first: 0, sms: 0, kernels: [work], communication: null };
const tasks: readonly MeasuringTask[] = [
  { ...base, subject: { record: "kernel" } },
  { ...base, subject: { record: "collective" }, kernels: [], communication, sms: 4 },
  {
    ...{ ...base, communication, sms: 4, first: 1 },
    subject: { record: "partition", partition: "forward.0", launch_slot: null },
  },
];

let made = 0;

/** Within this a fake has started, on a loaded machine too. */
const STARTED_S = 5;

/** A program in the recorder's place: answers each line of its work list by `answer`. */
function fake(answer: string, gpu = "NVIDIA A100-SXM4-40GB", driver = "580.1"): string {
  const path = join(scratch, `recorder${made++}.cjs`);
  writeFileSync(
    path,
    `#!${process.execPath}
    const say = (value) => console.log(typeof value === "string" ? value : JSON.stringify(value));
    const lines = require("node:fs").readFileSync(0, "utf8").trimEnd().split("\\n");
    say({ gpu: ${JSON.stringify(gpu)}, driver: ${JSON.stringify(driver)}, sm_count: 108 });
    const times = { time_s: 0.002, time_s_std: 1e-5, trials: 3 };
    const metered = { ...times, energy_j: 0.5, energy_j_std: 0.01, stand_in: false };
    for (const line of lines) {
      const words = line.split(" ");
      const task = Number(words[1]);
      ${answer}
    }`,
  );
  chmodSync(path, 0o755);
  return path;
}

async function recorded(
  recorder: string,
  patience_s: number | null = null,
  changes: Partial<RecorderSetting> = {},
) {
  const out = join(scratch, `${made++}.jsonl`);
  const warnings: Diagnostic[] = [];
  const windows = { precision: 0.01, window_s: 5, warmup_s: 1, cooldown_s: 4, trials: 3 };
  const setting = { ...windows, lock_clocks: false, patience_s, ...changes };
  const target = { gpu: "a100-sxm4-40gb", graph: "g", out, tool: "test" };
  const hooks = { report: (d: Diagnostic) => warnings.push(d), progress: () => undefined };
  const kept = await recordTasks(tasks, { ...setting, recorder }, target, hooks).catch(
    (cause: Error) => cause.message,
  );
  const profile = existsSync(out) ? readProfile(out, () => undefined) : null;
  return { kept, profile, codes: warnings.map(({ code }) => code) };
}

describe("recording", () => {
  test("each answer becomes the record of its task, in a profile that says how", async () => {
    const { kept, profile, codes } = await recorded(fake("say({ task, ...metered });"));
    expect([kept, codes]).toEqual([3, []]);
    expect(profile?.header).toMatchObject({
      ...{ gpu: "a100-sxm4-40gb", driver: "580.1", tool: "test" },
      method: { window_s: 5, cooldown_s: 4, trials: 3, clocks: "default", precision: 0.01 },
      note: "kernels and partitions of g, recorded on NVIDIA A100-SXM4-40GB with 108 SMs; memory-bound kernels as a stream of their traffic",
    });
    const outcome = { source: "measured", time_s: 0.002, energy_j: 0.5, trials: 3, freq_mhz: 1410 };
    expect(profile?.records).toMatchObject([
      { ...outcome, record: "kernel", op: "matmul", sms: null },
      { ...outcome, record: "collective", op: "all_reduce", size_bytes: 1024, ranks: 8, sms: 4 },
      { ...outcome, record: "partition", partition: "forward.0", launch_slot: null, sms: 4 },
    ]);
    expect(JSON.stringify(profile)).not.toContain("stand_in");
  });

  test("what a simulated board answers is of a model, not measured", async () => {
    const answer = "say({ task, ...metered });";
    const { kept, profile } = await recorded(fake(answer, undefined, "0.0.simulated"));
    expect(kept).toBe(3);
    const sources = profile?.records.map(({ source }) => source);
    expect(sources).toEqual(["modelled", "modelled", "modelled"]);
  });

  test("beyond the precision a recorder gets only what differs from its own choice", async () => {
    const told = join(scratch, `flags${made++}`);
    const save = `require("node:fs").writeFileSync(${JSON.stringify(told)}, process.argv.slice(2).join(" "));`;
    const recorder = fake(`${save} say({ task, ...metered });`);
    const own = { window_s: 0, warmup_s: 0, cooldown_s: 0, trials: 1 };
    await recorded(recorder, null, own);
    expect(readFileSync(told, "utf8")).toBe("--precision 0.01");
    await recorded(recorder, null, { ...own, window_s: 2 });
    expect(readFileSync(told, "utf8")).toBe("--precision 0.01 --window-s 2");
    await recorded(recorder);
    const all = "--precision 0.01 --window-s 5 --warmup-s 1 --cooldown-s 4 --trials 3";
    expect(readFileSync(told, "utf8")).toBe(all);
  });

  test("a patience of months is no impatience", async () => {
    const { kept } = await recorded(fake("say({ task, ...metered });"), 1e8);
    expect(kept).toBe(3);
  });

  test("stand-ins are marked, energy may be missing, what is passed over is reported", async () => {
    const { kept, profile, codes } = await recorded(
      fake(`if (task === 0) say({ task, skipped: "too large" });
      else say({ task, ...metered, stand_in: true, energy_j: null, energy_j_std: null });`),
    );
    expect([kept, codes]).toEqual([2, ["KRS2042"]]);
    expect(profile?.records).toMatchObject([
      { stand_in: true, energy_j: null },
      { stand_in: true, energy_j: null },
    ]);
  });

  test("without a GPU the answer is no and nothing is written", async () => {
    const path = fake("");
    writeFileSync(path, "#!/bin/sh\nexit 3\n");
    expect(await recorded(path)).toEqual({
      kept: expect.stringContaining("KRS2051"),
      profile: null,
      codes: [],
    });
  });

  test("what was measured before the recorder broke is kept", async () => {
    const { kept, profile } = await recorded(
      fake("if (task > 1) process.exit(5); say({ task, ...metered });"),
    );
    expect(kept).toContain("KRS2053");
    expect(profile?.records).toHaveLength(2);
  });

  test("one that falls silent is stopped, deaf to signals or not, and what it measured is kept", async () => {
    const silent = fake(`process.on("SIGTERM", () => undefined); setInterval(() => undefined, 1000);
      if (task > 0) break; say({ task, ...metered });`);
    const { kept, profile } = await recorded(silent, STARTED_S);
    expect(kept).toContain("KRS2070");
    expect(profile?.records).toHaveLength(1);
  });

  test("one that has locked clocks may end its window before it is killed", async () => {
    const unlocked = join(scratch, "unlocked");
    const inWindow = fake(`process.on("SIGTERM", () => setTimeout(() => {
        require("node:fs").writeFileSync(${JSON.stringify(unlocked)}, "");
        process.exit(0);
      }, 1200)); setInterval(() => undefined, 1000); break;`);
    const locking = { lock_clocks: true, window_s: 1, cooldown_s: 0 };
    expect((await recorded(inWindow, STARTED_S, locking)).kept).toContain("KRS2070");
    expect(existsSync(unlocked)).toBe(true);
  });

  test("one that says no more but stays is stopped as well", async () => {
    const lingering = fake(`say({ task, ...metered });
      if (task === 2) {
        process.on("SIGTERM", () => undefined);
        setInterval(() => undefined, 1000);
        require("node:fs").closeSync(1);
      }`);
    const { kept, profile } = await recorded(lingering, STARTED_S);
    expect(kept).toContain("KRS2070");
    expect(profile?.records.length).toBeGreaterThan(0);
  });

  test("one that answers slowly, but does, is waited for", async () => {
    const slow =
      fake(`Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${0.6 * 1000 * STARTED_S});
      say({ task, ...metered });`);
    expect((await recorded(slow, STARTED_S)).kept).toBe(3);
  });

  test("of much that it complains about the end is the reason", async () => {
    const loud = fake(`require("node:fs").writeSync(2, "x".repeat(50000) + "\\nout of memory\\n");
      process.exit(5);`);
    expect((await recorded(loud)).kept).toMatch(/KRS2053.*out of memory/);
  });

  test.each([
    ["KRS2030", fake("say({ task, ...metered });", "NVIDIA H100 80GB HBM3")],
    ["KRS2050", join(scratch, "absent")],
    ["KRS2053", fake('say("hello");')],
    ["KRS2053", fake("if (task > 0) say({ task, ...metered });")],
    ["KRS2053", fake("say({ task, ...metered }); say({ task, ...metered });")],
    ["KRS2053", fake("say({ task: 99, ...metered });")],
    ["KRS2053", fake("say({ task, ...metered, time_s: -1 });")],
  ])("%s", async (code, recorder) => {
    expect((await recorded(recorder)).kept).toContain(code);
  });

  test("a bare name is the file of the current folder, whatever PATH holds", async () => {
    const path = fake("say({ task, ...metered });");
    const before = process.cwd();
    process.chdir(scratch);
    const { kept } = await recorded(basename(path)).finally(() => process.chdir(before));
    expect(kept).toBe(3);
  });

  test("a file that cannot be run is no recorder", async () => {
    const path = fake("");
    chmodSync(path, 0o644);
    expect((await recorded(path)).kept).toContain("KRS2050");
  });
});
