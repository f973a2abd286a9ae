import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { BIND, expectBadInput, expectNoTrace, MINI } from "../support/bad-input.js";
import { codes, KAREUS, kareus, temporaryFolder } from "../support/cli.js";
import { hasRuntime, JOB, simulatedMachine } from "../support/simulated.js";

const folder = temporaryFolder();
const out = join(folder, "out");
const plan = join(folder, "plan.json");

beforeAll(async () => {
  const layout = ["--microbatches", "2", "--switch-time-s", "0", "--points", "4"];
  const made = await kareus(["optimize", MINI, ...BIND, ...layout, "--out", out]);
  expect(made.stderr).toBe("");
  expect((await kareus(["select", out, "--knee", "--out", plan])).status).toBe(0);
});

test("what is missing or wrong is a diagnostic, and nothing is started", async () => {
  const marker = join(folder, "marker");
  const start = ["--", "touch", marker];
  expectBadInput(await kareus(["run", ...start]), "KRS0005");
  expectBadInput(await kareus(["run", "--plan", plan]), "KRS0001");
  expectBadInput(await kareus(["run", "--plan", "-", ...start]), "KRS0002");
  expectBadInput(await kareus(["run", "--plan", join(folder, "no.json"), ...start]), "KRS0020");
  for (const flag of [["--observe"], ["--backend", "dry"]]) {
    const flags = ["--plan", plan, "--profile", folder, ...flag];
    expectBadInput(await kareus(["run", ...flags, ...start]), "KRS0006");
  }
  const frontier = join(out, "frontier.json");
  expectBadInput(await kareus(["run", "--plan", frontier, ...start]), "KRS4102");
  const unbuilt = { ...process.env, KAREUS_LIBRARY: join(folder, "libkareus.so") };
  const run = await kareus(["run", "--plan", plan, ...start], folder, unbuilt);
  expectBadInput(run, "KRS5401");
  expect(run.stderr).toContain("kareus setup-runtime");
  expect(() => readFileSync(marker)).toThrow();
});

describe.skipIf(!hasRuntime)("kareus run", () => {
  const environment = (...flags: string[]) =>
    kareus(["run", "--plan", plan, ...flags, "--", "sh", "-c", "env; exit 7"], folder);

  test("sets the job up, says so on stderr, and hands its output and exit code on", async () => {
    const run = await environment("--backend", "zeusd", "--profile", "measured");
    expect(run.status).toBe(7);
    expect(run.stdout).toContain(`KAREUS_PLAN=${plan}\n`);
    expect(run.stdout).toContain("KAREUS_MODE=control\n");
    expect(run.stdout).toContain("KAREUS_BACKEND=zeusd\n");
    expect(run.stdout).toContain(`KAREUS_PROFILE=${join(folder, "measured")}\n`);
    expect(run.stdout).toMatch(/^KAREUS_LIBRARY=.*native\/build\/libkareus\.so$/m);
    expect(run.stdout).toMatch(/^PYTHONPATH=.*native\/python(:|$)/m);
    expect(run.stderr).toContain("a100-sxm4-40gb");
    expect(run.stderr).toContain("its ranks set clocks through zeusd");
    expect((await environment("--observe")).stdout).toContain("KAREUS_MODE=observe\n");
  });

  test("a job of which no rank follows the plan is told so", async () => {
    const run = await kareus(["run", "--plan", plan, "--", "true"], folder);
    expect([run.status, codes(run, "warning")]).toEqual([0, ["KRS5434"]]);
    expect(run.stderr).toContain("its ranks set clocks through nvml\n");
  });

  test("a command that cannot be started is bad input", async () => {
    const run = await kareus(["run", "--plan", plan, "--", join(folder, "nothing")]);
    expect(codes(run, "error")).toEqual(["KRS5403"]);
    expect(run.status).toBe(2);
    expectNoTrace(run);
  });

  test("a command that a signal ends is told as shells tell it", async () => {
    const run = await kareus(["run", "--plan", plan, "--", "sh", "-c", "kill -9 $$"]);
    expect(run.status).toBe(137);
  });

  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s reaches the command, which ends as it likes",
    async (signal) => {
      const script =
        "trap 'echo heard; exit 5' TERM INT; echo ready; for i in $(seq 400); do sleep 0.05; done";
      const words = [KAREUS, "run", "--plan", plan, "--", "sh", "-c", script];
      const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "ignore"] });
      let said = "";
      child.stdout.on("data", (text: Buffer) => {
        if (said === "") child.kill(signal);
        said += text.toString();
      });
      const status = await new Promise((resolve) => child.on("close", resolve));
      expect([said, status]).toEqual(["ready\nheard\n", 5]);
    },
  );

  test("a job's measurements are a profile that merge and optimize read", async () => {
    const measured = join(folder, "measured");
    const job = [...JOB, plan, "--steps", "3"];
    const words = ["run", "--plan", plan, "--profile", measured, "--", ...job];
    const run = await kareus(words, folder, simulatedMachine(folder));
    expect([run.status, codes(run, "warning")], run.stderr).toEqual([0, []]);
    const report = JSON.parse(run.stdout);
    expect(report).toMatchObject({ refused: null, mode: "control", warnings: [] });

    const merged = join(folder, "merged.jsonl");
    const file = join(measured, "instructions-rank0.jsonl");
    const merge = await kareus(["profile", "merge", file, "--out", merged]);
    expect([merge.status, merge.stderr]).toEqual([0, ""]);
    const lines = readFileSync(merged, "utf8").trimEnd().split("\n");
    const [header, ...records] = lines.map((line) => JSON.parse(line));
    expect(header).toMatchObject({ gpu: "a100-sxm4-40gb", driver: "0.0.simulated" });
    expect(new Set(records.map((record) => record.instruction))).toEqual(
      new Set(["forward", "backward", "tail"]),
    );
    // A simulated GPU's energy is a model's, and must not pass for a measurement.
    expect(new Set(records.map((record) => record.source))).toEqual(new Set(["modelled"]));

    const again = ["optimize", MINI, ...BIND, "--points", "2", "--out", join(folder, "again")];
    const planned = await kareus([...again, "--profile", measured]);
    expect([planned.status, codes(planned, "warning")]).toEqual([0, ["KRS2033"]]);
  });

  test("a plan that does not fit the job stops it before its first step", async () => {
    const content = JSON.parse(readFileSync(plan, "utf8"));
    content.gpu.name = "h100-sxm";
    const other = join(folder, "h100.json");
    writeFileSync(other, JSON.stringify(content));
    const words = ["run", "--plan", other, "--", ...JOB, other];
    const run = await kareus(words, folder, simulatedMachine(folder));
    expect(JSON.parse(run.stdout)).toMatchObject({ refused: "KRS5310", boundaries: [] });
  });
});
