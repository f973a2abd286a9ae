import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { BIND, MINI } from "../support/bad-input.js";
import { type CliRun, kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

/* `optimize --measure`, with a program in the recorder's place that answers as a GPU might. */

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);

/** A recorder as a shell script. */
function script(name: string, body: string): string {
  writeFileSync(at(name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return at(name);
}

const GREETING = String.raw`{\"gpu\":\"NVIDIA A100\",\"driver\":\"\",\"sm_count\":108}`;

/** Answers from the words of the task: clock, SMs, when communication starts, how many kernels. */
const answering = (standIn: string) => `exec awk '{
  print "${GREETING}"
  time_s = 1e-4 * $14 * 1410 / $4 * 108 / (108 - $6) + ($10 == "none" ? 0 : ($8 + 1) * 2e-5 + 1e-4 / (1 + $6))
  energy_j = 85 * time_s + 1e-2 * $14 * ($4 / 1410) ^ 2
  printf "{\\"task\\":%d,\\"time_s\\":%.9g,\\"time_s_std\\":0,\\"energy_j\\":%.9g,", $2, time_s, energy_j
  printf "\\"energy_j_std\\":0,\\"trials\\":1,\\"stand_in\\":%s}\\n", "${standIn}"
}'`;

const MEASURED = ["--tp", "2", "--points", "4", "--budget", "12", "--measure"];
const optimize = (out: string, recorder: string, ...more: string[]) => {
  const where = ["--gpu", at("a100.json"), "--out", at(out), "--recorder", recorder, "--json"];
  return kareus(["optimize", MINI, ...BIND, ...MEASURED, ...where, ...more]);
};
const codesOf = ({ stderr }: CliRun): string[] =>
  stderr.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line).code]));
const journal = (out: string) => readFileSync(at(out, "measurements.jsonl"), "utf8");

let gpu: string;
let whole: CliRun;
beforeAll(async () => {
  // Three clocks, so that few measurements will do.
  const device = JSON.parse(
    readFileSync(join(ROOT, "profiles/devices/a100-sxm4-40gb.json"), "utf8"),
  );
  device.searched_clocks_mhz.value = [990, 1200, 1410];
  writeFileSync(at("a100.json"), JSON.stringify(device));
  gpu = script("gpu", answering("false"));
  whole = await optimize("whole", gpu);
});

describe("optimize --measure", () => {
  test("measures every cost, within the budget, one line of the journal each", () => {
    expect([whole.status, whole.stderr]).toEqual([0, ""]);
    const { costs, search } = JSON.parse(whole.stdout);
    expect(costs).toMatchObject({ interpolated: 0, modelled: 0, extrapolated: 0 });
    const [header = "", ...records] = journal("whole").trimEnd().split("\n");
    expect(JSON.parse(header).method).toMatchObject({ trials: 1, clocks: "locked" });
    const sources = new Set(records.map((line) => JSON.parse(line).source));
    expect(sources).toEqual(new Set(["measured"]));
    expect(records.length).toBeLessThanOrEqual(12 * search.length);
    const evaluated = search.map((each: { evaluated: number }) => each.evaluated);
    expect(evaluated.reduce((sum: number, each: number) => sum + each, 0)).toBe(records.length);
    expect(costs.measured).toBeGreaterThan(0);
  });

  test("a run that was cut short goes on without measuring again", async () => {
    const broken = script(
      "broken",
      `[ "$(wc -l < ${at("half", "measurements.jsonl")})" -gt 60 ] && exit 9\n${answering("false")}`,
    );
    const cut = await optimize("half", broken);
    expect([cut.status, codesOf(cut)]).toEqual([2, ["KRS2053"]]);
    expect(journal("whole").startsWith(journal("half"))).toBe(true);
    appendFileSync(at("half", "measurements.jsonl"), '{"record":"part');
    const resumed = await optimize("half", gpu, "--resume");
    expect(resumed.status).toBe(0);
    expect(resumed.stdout).toBe(whole.stdout);
    expect(journal("half")).toBe(journal("whole"));
  });

  test("what was measured is not overwritten", async () => {
    const before = journal("whole");
    const run = await optimize("whole", gpu);
    expect([run.status, codesOf(run)]).toEqual([2, ["KRS3014"]]);
    expect(journal("whole")).toBe(before);
  });

  test("what cannot be measured as it would run is an honest no", async () => {
    const answers = [
      ["KRS2054", answering("true")],
      ["KRS2054", `echo "${GREETING}"; echo '{"task":0,"skipped":"attention needs torch"}'`],
      ["KRS2051", "exit 3"],
      ["KRS2052", 'echo "clocks cannot be locked: no permission" >&2; exit 4'],
    ] as const;
    for (const [i, [code, body]] of answers.entries()) {
      const run = await optimize(`no-${i}`, script(`recorder-${i}`, body));
      expect([run.status, codesOf(run)]).toEqual([1, [code]]);
      expect(existsSync(at(`no-${i}`, "frontier.json"))).toBe(false);
    }
  });

  test("windows without --measure, and a recorder that is not there, are bad input", async () => {
    const windows = await kareus(["optimize", MINI, ...BIND, "--window-s", "1", "--json"]);
    expect([windows.status, codesOf(windows)]).toEqual([2, ["KRS0005"]]);
    const absent = await optimize("absent", at("nowhere"));
    expect([absent.status, codesOf(absent)]).toEqual([2, ["KRS2050"]]);
  });
});
