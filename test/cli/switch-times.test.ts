import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BIND, MINI } from "../support/bad-input.js";
import { codes, kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

/* `profile record --switch-times` on a simulated board, and what its records become. */

const RECORDER = join(ROOT, "native/build/kareus-recorder-simulated");
const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const JOB = [MINI, ...BIND, "--gpu", "h200"];
const CLOCKS = [1980, 960, 1410].flatMap((mhz) => ["--lock-clocks", String(mhz)]);

const record = (out: string, board: string, recorder: string, ...flags: string[]) => {
  const where = ["--recorder", recorder, "--out", at(out), "--switch-times"];
  const env = { ...process.env, KAREUS_SIM_BOARD: board };
  return kareus(["profile", "record", ...JOB, ...where, ...flags], ROOT, env);
};
const linesOf = (name: string) =>
  readFileSync(at(name), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** The simulated board under the name of a real driver, so that its answers pass for measured. */
function passingForReal(): string {
  const lines = ["set -o pipefail", `${RECORDER} "$@" | sed s/0.0.simulated/580.1/`];
  writeFileSync(at("recorder"), `#!/bin/bash\n${lines.join("\n")}\n`, { mode: 0o755 });
  return at("recorder");
}

describe.skipIf(!existsSync(RECORDER))("profile record --switch-times", () => {
  test("every change between two clocks is a record, split into call and transition", async () => {
    const run = await record("model.jsonl", "switch_s=0.03", RECORDER, ...CLOCKS);
    expect([run.stderr, run.status]).toEqual(["", 0]);
    const [header, ...records] = linesOf("model.jsonl");
    expect(header).toMatchObject({ gpu: "h200", method: { clocks: "locked", trials: 5 } });
    const pairs = records.map(({ from_mhz, freq_mhz }) => `${from_mhz} ${freq_mhz}`);
    expect(pairs.sort()).toEqual(
      ["1410 1980", "1410 960", "1980 1410", "1980 960", "960 1410", "960 1980"].sort(),
    );
    for (const each of records) {
      expect(each).toMatchObject({ record: "switch", source: "modelled", energy_j: null });
      expect([each.call_s, each.time_s]).toEqual([
        expect.closeTo(0.001, 4),
        expect.closeTo(0.03, 3),
      ]);
    }
    const fit = await kareus(["profile", "fit", at("model.jsonl"), "--device", "h200"]);
    expect([fit.status, codes(fit, "error")]).toEqual([1, ["KRS2061"]]);
  });

  test("measured changes become the device's table, and plans charge each change by it", async () => {
    await record("real.jsonl", "switch_s=0.03", passingForReal(), ...CLOCKS);
    const files = [at("real.jsonl"), "--device", "h200", "--out", at("mine.json")];
    const fit = await kareus(["profile", "fit", ...files]);
    expect([fit.stderr, fit.status]).toEqual(["", 0]);
    const { value, source, residual } = JSON.parse(
      readFileSync(at("mine.json"), "utf8"),
    ).switch_time_s;
    expect(value.freq_mhz).toEqual([960, 1410, 1980]);
    expect(value.call_s).toEqual([0, 1, 2].map(() => expect.closeTo(0.001, 4)));
    expect(value.transition_s).toEqual([0, 1, 2].map(() => expect.closeTo(0.03, 3)));
    expect([source, residual]).toEqual([
      "fitted to real.jsonl",
      expect.stringMatching(/6 points$/),
    ]);

    // One clock that takes far longer is told as such, and plans hold the table.
    const device = JSON.parse(readFileSync(at("mine.json"), "utf8"));
    device.switch_time_s.value.transition_s[1] = 0.2;
    writeFileSync(at("slow.json"), JSON.stringify(device));
    const slow = [MINI, ...BIND, "--gpu", at("slow.json"), "--points", "2", "--out", at("plans")];
    expect((await kareus(["optimize", ...slow])).status).toBe(0);
    const frontier = JSON.parse(readFileSync(join(at("plans"), "frontier.json"), "utf8"));
    expect(frontier.switch_time_s).toEqual(device.switch_time_s.value);

    device.switch_time_s.value.call_s.pop();
    writeFileSync(at("short.json"), JSON.stringify(device));
    const short = await kareus(["inspect", MINI, ...BIND, "--gpu", at("short.json")]);
    expect([short.status, codes(short, "error")]).toEqual([2, ["KRS2003"]]);
  });

  test("clocks that may not be locked are an honest no, with a reason and no file", async () => {
    const run = await record("none.jsonl", "may_lock=0", RECORDER, ...CLOCKS);
    expect([run.status, codes(run, "error")]).toEqual([1, ["KRS2052"]]);
    expect(run.stderr).toContain(
      "--switch-times: clocks cannot be locked: Insufficient Permissions",
    );
    expect(run.stderr).toContain("--switch-time-s");
    expect(existsSync(at("none.jsonl"))).toBe(false);
  });

  test("changes that never come are told, and none at all is an honest no", async () => {
    const fake = (name: string, ...lines: object[]) => {
      const said = [{ gpu: "NVIDIA H200", driver: "580.1", sm_count: 132 }, ...lines];
      const body = said.map((line) => `echo '${JSON.stringify(line)}'`).join("\n");
      writeFileSync(at(name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
      return at(name);
    };
    const times = { call_s: 0.001, time_s: 0.02, time_s_std: 0, trials: 4 };
    const change = { switch: { from_mhz: 1410, freq_mhz: 960, ...times } };
    const some = await record("some.jsonl", "", fake("some", change), ...CLOCKS);
    expect([some.status, codes(some, "warning")]).toEqual([0, ["KRS2042"]]);
    expect(some.stderr).toContain("5 x a change whose clock never came");
    expect(linesOf("some.jsonl").slice(1)).toMatchObject([{ source: "measured", ...times }]);
    const none = await record("nothing.jsonl", "", fake("nothing"), ...CLOCKS);
    expect([none.status, codes(none, "error")]).toEqual([1, ["KRS2077"]]);
    expect(existsSync(at("nothing.jsonl"))).toBe(false);
  });

  test("one clock has no other to change to; --dry-run counts the changes", async () => {
    const one = await record("one.jsonl", "", RECORDER, "--lock-clocks", "960");
    expect([one.status, codes(one, "error")]).toEqual([2, ["KRS0001"]]);
    const dry = await record("dry.jsonl", "", RECORDER, ...CLOCKS, "--dry-run");
    expect([dry.status, existsSync(at("dry.jsonl"))]).toEqual([0, false]);
    expect(dry.stdout).toContain("6 changes of the clock");
  });
});
