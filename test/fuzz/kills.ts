import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { forkRng } from "../../src/base/rng.js";

/*
 * Commands killed with SIGKILL at random moments, then run again to their end: the same bytes as of a run
 * that nobody disturbed, and nothing beside them.
 *   npm run fuzz:kills -- [--count N] [--seed S]
 */

const { values } = parseArgs({
  options: { count: { type: "string", default: "10" }, seed: { type: "string", default: "0" } },
});

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const MAIN = join(ROOT, "dist/src/cli/main.js");
const MINI = join(ROOT, "test/golden/mini.onnx");
const CASE = join(ROOT, "test/golden/cases/mini-pipeline");

interface Killed {
  readonly name: string;
  /** The command in a folder; `again` after a kill. */
  readonly words: (folder: string, again: boolean) => readonly string[];
  readonly prepare?: (folder: string) => void;
}

const SIZES = ["--bind", "batch=4,sequence=512", "--dtype", "bf16", "--threads", "1"];
const LAYOUT = ["--tp", "2", "--pp", "2", "--microbatches", "4", "--points", "6"];
const measured = (folder: string) => join(folder, "run", "measurements.jsonl");

const COMMANDS: readonly Killed[] = [
  {
    name: "optimize",
    words: (folder, again) => [
      ...["optimize", MINI, ...SIZES, ...LAYOUT, "--out", join(folder, "run")],
      ...(again ? ["--resume"] : []),
    ],
  },
  {
    name: "profile merge",
    words: (folder) => [
      ...["profile", "merge", measured(folder), join(folder, "other.jsonl")],
      ...["--out", join(folder, "merged.jsonl")],
    ],
    prepare: (folder) => {
      cpSync(join(whole("optimize"), "run"), join(folder, "run"), { recursive: true });
      cpSync(measured(whole("optimize")), join(folder, "other.jsonl"));
    },
  },
  {
    name: "verify --update",
    words: (folder) => ["verify", join(folder, "case"), "--update"],
    prepare: (folder) => cpSync(CASE, join(folder, "case"), { recursive: true }),
  },
];

const work = mkdtempSync(join(tmpdir(), "kareus-kills-"));
const whole = (name: string) => join(work, name.replaceAll(" ", "-"));

/** Runs a command; killed after a while where one is given. How it ended, and how long it took. */
function run(words: readonly string[], kill_ms: number | null) {
  const begin_ms = performance.now();
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: "ignore" });
  const timer = kill_ms === null ? null : setTimeout(() => child.kill("SIGKILL"), kill_ms);
  return new Promise<{ status: number | null; time_ms: number }>((done, failed) => {
    child.on("error", failed);
    child.on("close", (status) => {
      if (timer !== null) clearTimeout(timer);
      done({ status, time_ms: performance.now() - begin_ms });
    });
  });
}

function filesOf(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const named = files.map((path) => [path.slice(folder.length), readFileSync(path, "utf8")]);
  return JSON.stringify(named.sort());
}

let wrong = 0;
for (const { name, words, prepare } of COMMANDS) {
  const undisturbed = whole(name);
  const fresh = (folder: string) => {
    cpSync(mkdtempSync(join(work, "empty-")), folder, { recursive: true });
    prepare?.(folder);
  };
  fresh(undisturbed);
  const { status, time_ms } = await run(words(undisturbed, false), null);
  if (status !== 0) throw new Error(`${name} ends with ${status}`);
  const expected = filesOf(undisturbed);
  const rng = forkRng(Number(values.seed), name);
  let killed = 0;
  for (let k = 0; k < Number(values.count); k++) {
    const folder = `${undisturbed}-${k}`;
    fresh(folder);
    const first = await run(words(folder, false), rng.uniform() * time_ms);
    if (first.status === null) killed++;
    const second = await run(words(folder, true), null);
    if (second.status !== 0 || filesOf(folder) !== expected) {
      wrong++;
      console.log(`${name}, kill ${k}: ends with ${second.status}, see ${folder}`);
    } else {
      rmSync(folder, { recursive: true });
    }
  }
  console.log(JSON.stringify({ command: name, runs: Number(values.count), killed, wrong }));
}
if (wrong === 0) rmSync(work, { recursive: true });
process.exitCode = wrong > 0 ? 1 : 0;
