import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BIND, MINI } from "../support/bad-input.js";
import { kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

/** Six clocks of one instruction, as Perseus writes them. */
const CLOCKS = [900, 1005, 1110, 1215, 1305, 1410];
const STAGES = CLOCKS.map((clock) => {
  const time_s = 0.02 + 60 / clock;
  return `0,forward,${clock},${time_s},${70 * time_s + 10 * (Math.max(1110, clock) / 1110) ** 2}`;
});

const TABLE = CLOCKS.map((freq_mhz) =>
  JSON.stringify({
    freq_mhz,
    launch_slot: null,
    sms: 4,
    time_s: 60 / freq_mhz,
    energy_j: freq_mhz,
  }),
);

/** Answers with one JSON document on stdout, and nothing but JSON lines on stderr. */
async function answer(args: readonly string[]): Promise<unknown> {
  const run = await kareus([...args, "--json"]);
  const lines = run.stderr.split("\n").filter(Boolean);
  for (const line of lines) {
    expect(Object.keys(JSON.parse(line))).toEqual(["severity", "code", "where", "message", "hint"]);
  }
  expect(run.status, run.stderr).toBe(0);
  return JSON.parse(run.stdout);
}

test("--json of every command: the result alone", async () => {
  writeFileSync(at("table.jsonl"), `${TABLE.join("\n")}\n`);
  const frontier = await answer(["optimize", MINI, ...BIND, "--points", "3", "--out", at("run")]);
  expect(frontier).toEqual(JSON.parse(readFileSync(at("run/frontier.json"), "utf8")));
  expect(await answer(["select", at("run"), "--knee"])).toHaveProperty("time_s");
  expect(await answer(["inspect", MINI, ...BIND])).toHaveProperty("partitions");
  expect(await answer(["search", at("table.jsonl")])).toHaveProperty("evaluated");
  expect(await answer(["devices"])).toHaveProperty("length");
  const solve = ["--microbatches", "2", "--static-power-w", "70"];
  const stages = join(ROOT, "examples/pipeline/stage_profile.csv");
  expect(await answer(["solve", stages, ...solve, "--points", "2"])).toHaveProperty("points");
  const plan = at("run/plans/000.json");
  const zeus = ["export", plan, "--format", "zeus"];
  expect(await answer([...zeus, "--out", at("z.json")])).toEqual({ files: [at("z.json")] });
  expect(await answer(zeus)).toEqual(JSON.parse(readFileSync(at("z.json"), "utf8")));
});

test("--json of profile's commands says what was written", async () => {
  const made = { file: at("made.jsonl"), gpu: "a40", records: 6 };
  const profile = (...args: readonly string[]) => answer(["profile", ...args]);
  writeFileSync(at("one.csv"), `stage,instruction,frequency,time,energy\n${STAGES.join("\n")}\n`);
  expect(await profile("import", at("one.csv"), "--gpu", "a40", "--out", made.file)).toEqual(made);
  const merged = { ...made, file: at("merged.jsonl") };
  expect(await profile("merge", made.file, "--out", merged.file)).toEqual(merged);
  const fit = await profile("fit", made.file, "--device", "a40", "--out", at("device.json"));
  expect(fit).toMatchObject({ file: at("device.json"), gpu: "a40" });
});

test("what a terminal would obey is an escape in JSON, the same string", async () => {
  const header = { format: "kareus-profile", version: 1, id: "a\u009b2J", gpu: "a100-sxm4-40gb" };
  const rest = { driver: null, date: null, tool: "test", method: null, note: "\u202e" };
  const kernel = { record: "kernel", op: "copy", freq_mhz: 1200, time_s: 1e-4, energy_j: null };
  const lines = [{ ...header, ...rest }, kernel].map((line) => JSON.stringify(line));
  writeFileSync(at("named.jsonl"), lines.join("\n"));
  const run = await kareus(["profile", "merge", at("named.jsonl")]);
  expect(run.stdout + run.stderr).not.toMatch(/[\u0080-\u009f\u202e]/);
  expect(run.stdout + run.stderr).toContain("\\u009b2J");
});
