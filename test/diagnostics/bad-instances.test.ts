import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { badInputs, expectBadInput } from "../support/bad-input.js";
import { codes, kareus } from "../support/cli.js";

const { folder, file } = badInputs();

describe.concurrent("bad instances", () => {
  const OPTION = { time_s: 1, energy_j: 100, freq_mhz: 900 };
  const STAGE = { forward: [OPTION], backward: [OPTION] };
  const GOOD_INSTANCE = {
    ...{ format: "kareus-instance", version: 1, name: "tiny", stages: 2, microbatches: 4 },
    ...{ pipeline: "1f1b", static_power_w: 10, options: [STAGE, STAGE] },
  };
  const solve = (changes: object, ...flags: string[]) =>
    kareus(["solve", file(JSON.stringify({ ...GOOD_INSTANCE, ...changes })), ...flags]);
  const withOption = (changes: object) => ({
    options: [STAGE, { ...STAGE, forward: [{ ...OPTION, ...changes }] }],
  });

  test("the same without a fault is solved", async () => {
    const run = await solve({});
    expect(run.stderr).toBe("");
    expect(run.status).toBe(0);
  });

  test.each<[string, string, object]>([
    ["KRS4102", "another format", { format: "kareus-plan" }],
    ["KRS4103", "a newer version", { version: 2 }],
    ["KRS4104", "no stages", { stages: 0 }],
    ["KRS4104", "no microbatches", { microbatches: 0 }],
    ["KRS4104", "half a microbatch", { microbatches: 1.5 }],
    ["KRS4104", "an unknown pipeline", { pipeline: "2f2b" }],
    ["KRS4104", "no options", { options: [] }],
    ["KRS4104", "an empty list of options", { options: [STAGE, { ...STAGE, backward: [] }] }],
    ["KRS4104", "no forward", { options: [STAGE, { backward: [OPTION] }] }],
    ["KRS4104", "a negative time", withOption({ time_s: -1 })],
    ["KRS4104", "a negative energy", withOption({ energy_j: -1 })],
    ["KRS4104", "a time that is null", withOption({ time_s: null })],
    ["KRS4104", "an energy in words", withOption({ energy_j: "much" })],
    ["KRS4104", "a negative power", { static_power_w: -1 }],
    ["KRS4104", "a negative transfer", { transfer_s: -1 }],
    ["KRS4104", "an empty tail", { tail: [[OPTION], []] }],
    ["KRS4104", "a negative switch time", { switch_time_s: -1 }],
    [
      "KRS4104",
      "switch times for fewer clocks than named",
      { switch_time_s: { freq_mhz: [900, 1200], call_s: [0], transition_s: [0.1, 0.1] } },
    ],
    [
      "KRS4104",
      "switch times by clocks that do not ascend",
      { switch_time_s: { freq_mhz: [1200, 900], call_s: [0, 0], transition_s: [0.1, 0.1] } },
    ],
    [
      "KRS4010",
      "a switch time without clocks",
      { switch_time_s: 0.01, ...withOption({ freq_mhz: undefined }) },
    ],
    [
      "KRS4011",
      "short instructions without a common clock",
      { switch_time_s: 0.2, ...withOption({ freq_mhz: 1200 }) },
    ],
    ["KRS4002", "no backward", { options: [STAGE, { forward: [OPTION] }] }],
    ["KRS4002", "a backward that the pipeline wants split", { pipeline: "zb-h1" }],
    ["KRS4008", "a stage too few", { options: [STAGE] }],
    ["KRS4008", "a stage too many", { options: [STAGE, STAGE, STAGE] }],
    ["KRS4008", "a tail too few", { tail: [[OPTION]] }],
    ["KRS4006", "chunks that the pipeline knows not", { options: Array(4).fill(STAGE) }],
    ["KRS4007", "a pipeline without end", { microbatches: 2 ** 50 }],
  ])("%s: %s", async (code, _what, changes) => {
    expectBadInput(await solve(changes), code);
  });

  test("NaN and infinite numbers, and what is not JSON", async () => {
    const text = JSON.stringify(GOOD_INSTANCE);
    const solveText = (content: string) => kareus(["solve", file(content)]);
    expectBadInput(await solveText(text.replace('"time_s":1', '"time_s":NaN')), "KRS4101");
    expectBadInput(await solveText(text.replace('"time_s":1', '"time_s":1e999')), "KRS4104");
    expectBadInput(await solveText(text.slice(0, -1)), "KRS4101");
    expectBadInput(await solveText(""), "KRS4101");
    expectBadInput(await kareus(["solve", join(folder, "absent.json")]), "KRS0020");
  });

  test.each([
    ["--points", "0"],
    ["--deadline", "soon"],
    ["--deadline", "-1"],
    ["--pipeline", "2f2b"],
    ["--microbatches", "0"],
    ["--static-power-w", "NaN"],
    ["--transfer-s", "-1"],
    ["--switch-time-s", "soon"],
  ])("%s %s", async (flag, value) => {
    expectBadInput(await solve({}, `${flag}=${value}`), "KRS0002");
  });

  test("flags that do not go together", async () => {
    expectBadInput(await solve({}, "--points", "3", "--deadline", "20"), "KRS0004");
    expectBadInput(await solve({}, "--chunks", "2"), "KRS0006");
  });

  test("a deadline before the fastest time is an honest no that names it", async () => {
    const run = await solve({}, "--deadline", "20", "--deadline", "3");
    expect(run.status).toBe(1);
    expect(codes(run, "error")).toEqual(["KRS4112"]);
    expect(run.stderr).toMatch(/takes 10 s/);
    expect(run.stdout).toBe("");
  });
});

describe.concurrent("bad stage profiles", () => {
  const HEADER = "stage,instruction,frequency,time,energy";
  const LINES = ["0,forward,900,1,100", "0,backward,900,2,200"];
  const solve = (lines: readonly string[], ...flags: string[]) =>
    kareus(["solve", file([HEADER, ...lines].join("\n")), ...flags]);
  const FLAGS = ["--microbatches", "4", "--static-power-w", "10"];

  test("the same without a fault is solved", async () => {
    const run = await solve(LINES, ...FLAGS);
    expect(run.stderr).toBe("");
    expect(run.status).toBe(0);
  });

  test.each([
    "0,forward,900,1",
    "0,forward,900,1,100,7",
    "0,forward,900,fast,100",
    "0,forward,900,,100",
    "0,forward,900,-1,100",
    "0,forward,900,NaN,100",
    "0,forward,900,1,Infinity",
    "0.5,forward,900,1,100",
    "99999999,forward,900,1,100",
    "0,sideward,900,1,100",
  ])("%s: file and line", async (line) => {
    const run = await solve([...LINES, line], ...FLAGS);
    expectBadInput(run, "KRS2020");
    expect(run.stderr).toMatch(/\.onnx:4:/);
  });

  test("a header without a column, or nothing after it", async () => {
    const text = ["stage,instruction,frequency,time", "0,forward,900,1"].join("\n");
    expectBadInput(await kareus(["solve", file(text), ...FLAGS]), "KRS2020");
    expectBadInput(await solve([], ...FLAGS), "KRS2020");
  });

  test("an instruction or a stage that is missing", async () => {
    expectBadInput(await solve(LINES.slice(0, 1), ...FLAGS), "KRS2021");
    expectBadInput(await solve([...LINES, "2,forward,900,1,1"], ...FLAGS), "KRS2021");
    expectBadInput(await solve(LINES, ...FLAGS, "--pipeline", "zb-h1"), "KRS2021");
    expectBadInput(await solve(LINES, ...FLAGS, "--chunks", "2"), "KRS4008");
  });

  test("flags that a profile needs", async () => {
    const run = await solve(LINES);
    expectBadInput(run, "KRS0005");
    expect(run.stderr).toContain("--microbatches and --static-power-w");
    expectBadInput(await solve(LINES, "--microbatches", "4"), "KRS0005");
  });
});
