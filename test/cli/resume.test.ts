import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { forkRng } from "../../src/base/rng.js";
import { codes, KAREUS, kareus, temporaryFolder } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

const ARGUMENTS = [
  ...["optimize", join(ROOT, "test/golden/mini.onnx"), "--bind", "batch=4,sequence=512"],
  ...["--dtype", "bf16", "--tp", "2", "--pp", "2", "--microbatches", "4", "--points", "6"],
];

const folder = temporaryFolder();
const out = (name: string) => join(folder, name);
const journal = (name: string) => join(out(name), "measurements.jsonl");
/** On one thread, which is quicker for so small a graph. */
const optimize = (name: string, ...more: string[]) =>
  kareus([...ARGUMENTS, "--out", out(name), "--threads", "1", ...more]);

/** Every file of a run by name. */
function filesOf(name: string): Map<string, string> {
  const entries = readdirSync(out(name), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return new Map(paths.map((path) => [path.slice(out(name).length), readFileSync(path, "utf8")]));
}

/** Starts a run, signals it once its journal holds so many bytes, and waits for its end. */
function stopped(
  name: string,
  size_bytes: number,
  signal: NodeJS.Signals,
  ...more: string[]
): Promise<{ status: number | null; stderr: string }> {
  const args = [KAREUS, ...ARGUMENTS, "--out", out(name), ...more];
  const child: ChildProcess = spawn(process.execPath, args, {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const watch = setInterval(() => {
    const file = journal(name);
    if (!existsSync(file) || statSync(file).size < size_bytes) return;
    clearInterval(watch);
    child.kill(signal);
  }, 1);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => {
      clearInterval(watch);
      resolve({ status, stderr });
    });
  });
}

let whole: Map<string, string>;
let size_bytes = 0;
beforeAll(async () => {
  expect((await optimize("whole")).status).toBe(0);
  whole = filesOf("whole");
  size_bytes = statSync(journal("whole")).size;
});

describe("--resume", () => {
  test("after SIGKILL at any point, twice, it ends with the same files", async () => {
    const rng = forkRng(4, "kills");
    let unfinished = 0;
    for (let k = 0; k < 3; k++) {
      const name = `killed-${k}`;
      const threads = ["--threads", String(1 + (k % 2))];
      const first = rng.uniform() * 0.5;
      await stopped(name, first * size_bytes, "SIGKILL", ...threads);
      if (k % 2 === 0) appendFileSync(journal(name), '{"record":"partition","part');
      const second = first + rng.uniform() * (0.9 - first);
      await stopped(name, second * size_bytes, "SIGKILL", ...threads, "--resume");
      if (statSync(journal(name)).size < size_bytes) unfinished++;
      const resumed = await kareus([...ARGUMENTS, "--out", out(name), ...threads, "--resume"]);
      expect(resumed.status).toBe(0);
      expect(filesOf(name)).toEqual(whole);
    }
    expect(unfinished).toBeGreaterThan(0);
  });

  test("after Ctrl-C or a polite kill, which end with 130 and 143 and say what to do", async () => {
    for (const [signal, threads, code] of [
      ["SIGINT", "1", 130],
      ["SIGTERM", "2", 143],
    ] as const) {
      const stop = await stopped(signal, size_bytes / 3, signal, "--threads", threads);
      expect(stop.status).toBe(code);
      expect(stop.stderr).toMatch(/^warning KRS3003 .*\n .*--resume/);
      expect(existsSync(join(out(signal), "frontier.json"))).toBe(false);
      expect((await optimize(signal, "--resume")).status).toBe(0);
      expect(filesOf(signal)).toEqual(whole);
    }
  });

  test("on a finished run evaluates nothing anew; on an empty folder it starts", async () => {
    const before = statSync(journal("whole")).mtimeMs;
    expect((await optimize("whole", "--resume")).status).toBe(0);
    expect(filesOf("whole")).toEqual(whole);
    expect(statSync(journal("whole")).mtimeMs).toBe(before);
    expect((await optimize("fresh", "--resume")).status).toBe(0);
    expect(filesOf("fresh")).toEqual(whole);
  });

  test("of another seed is refused, and the run that is there stays", async () => {
    const run = await optimize("whole", "--resume", "--seed", "1");
    expect([run.status, codes(run, "error")]).toEqual([2, ["KRS3002"]]);
    expect(filesOf("whole")).toEqual(whole);
  });

  test("a torn line is cut off with a warning; any other damage names its line", async () => {
    appendFileSync(journal("fresh"), '{"record":');
    const torn = await optimize("fresh", "--resume");
    expect([torn.status, codes(torn, "warning")]).toEqual([0, ["KRS2012"]]);
    expect(filesOf("fresh")).toEqual(whole);
    appendFileSync(journal("fresh"), "nonsense\n");
    const damaged = await optimize("fresh", "--resume");
    expect([damaged.status, codes(damaged, "error")]).toEqual([2, ["KRS2011"]]);
    expect((await optimize("fresh")).status).toBe(0);
    expect(filesOf("fresh")).toEqual(whole);
  });
});
