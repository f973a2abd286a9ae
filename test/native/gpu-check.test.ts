import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

const RECORDER = join(ROOT, "native/build/kareus-recorder-simulated");
const folder = temporaryFolder();

const GEMM = "matmul 1 1024 1024 1024 bfloat16";
const task = (id: number, sms: number) =>
  `task ${id} clock 900 sms ${sms} first 0 comm none 0 1 kernels 1 ${GEMM}\n`;

/** A folder as `npm run gpu-check -- --pack` makes it, without what a simulated GPU passes over. */
function packed(name: string) {
  const at = join(folder, name);
  cpSync(join(ROOT, "native/gpu-check"), at, { recursive: true });
  writeFileSync(join(at, "tasks.txt"), task(0, 0) + task(1, 4) + task(2, 0));
  return at;
}

function check(at: string, flags: readonly string[] = [], board = "") {
  const args = [join(at, "check.py"), "--recorder", RECORDER, ...flags];
  const env = { ...process.env, KAREUS_SIM_BOARD: board };
  const { status, stdout } = spawnSync("python3", args, { encoding: "utf8", env });
  return { status, stdout };
}

function outcomes(at: string): Record<string, string> {
  const text = readFileSync(join(at, "results/summary.json"), "utf8");
  const found = Object.entries(JSON.parse(text) as Record<string, { outcome: string }>);
  return Object.fromEntries(found.map(([stage, { outcome }]) => [stage, outcome]));
}

describe.skipIf(!existsSync(RECORDER))("gpu-check on a simulated board", () => {
  test("finds all well, and runs nothing twice", () => {
    const at = packed("well");
    expect(check(at).status).toBe(0);
    expect(outcomes(at)).toEqual({
      ...{ kernels: "ok", contention: "ok", profile: "ok" },
      ...{ runtime: "passed over", iteration: "passed over" },
    });
    const answers = readFileSync(join(at, "results/answers.jsonl"), "utf8");
    const again = check(at);
    expect(again.stdout).toContain("profile: found ok before");
    expect(readFileSync(join(at, "results/answers.jsonl"), "utf8")).toBe(answers);
  });

  test("stand-ins that pack are a failure, and what follows is still checked", () => {
    const at = packed("packs");
    expect(check(at, [], "packs=1").status).toBe(1);
    expect(outcomes(at)).toMatchObject({ kernels: "ok", contention: "failed", profile: "ok" });
  });

  test("a GPU without an energy counter is told, not failed", () => {
    const at = packed("unmetered");
    const { stdout } = check(at, [], "counter=0");
    expect(stdout).toContain("ok     the energy counter answers (the GPU has no energy counter)");
  });

  test("without time nothing is lost: the next run goes on", () => {
    const at = packed("late");
    const first = check(at, ["--limit-s", "0.000001"]);
    expect(first.status).toBe(1);
    expect(check(at).status).toBe(0);
  });

  test("only tasks without an answer are measured, and replay.py answers as they were", () => {
    const at = packed("resumed");
    expect(check(at).status).toBe(0);
    appendFileSync(join(at, "tasks.txt"), task(3, 8));
    writeFileSync(join(at, "results/results.jsonl"), "");
    expect(check(at).status).toBe(0);
    const lines = readFileSync(join(at, "results/answers.jsonl"), "utf8").trimEnd().split("\n");
    const answers = lines.map((line) => JSON.parse(line));
    expect(answers.map(({ task }) => task)).toEqual([undefined, 0, 2, 1, 3]);
    const replayed = spawnSync("python3", [join(at, "replay.py")], {
      input: task(7, 4) + task(8, 12),
      encoding: "utf8",
    });
    const [, found, missing] = replayed.stdout.trimEnd().split("\n");
    expect(JSON.parse(found ?? "")).toEqual({ ...answers[3], task: 7 });
    expect(JSON.parse(missing ?? "")).toEqual({ task: 8, skipped: "it was not measured" });
  });
});
