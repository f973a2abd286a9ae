import { spawn } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { forkRng } from "../../src/base/rng.js";
import { COMMANDS, type Killed } from "./killed.js";

/*
 * Commands killed with SIGKILL at random moments, then run again to their end: the same bytes, also on
 * standard output where that is the result, as of a run that nobody disturbed, and nothing beside them.
 *   npm run fuzz:kills -- [--count N] [--seed S] [--command NAME]
 */

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "10" },
    seed: { type: "string", default: "0" },
    command: { type: "string" },
  },
});

const MAIN = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));
const work = mkdtempSync(join(tmpdir(), "kareus-kills-"));

/** Runs a command, whose standard output is kept; killed after a while where one is given. */
function run(folder: string, words: readonly string[], kill_ms: number | null) {
  const begin_ms = performance.now();
  const output = openSync(`${folder}.said`, "w");
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ["ignore", output, "ignore"] });
  closeSync(output);
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

/** Kills a command so many times, a fresh folder each; whether each came out as undisturbed. */
async function holds({ name, prepare, words, outcome = filesOf }: Killed): Promise<boolean> {
  const undisturbed = join(work, name.replaceAll(" ", "-"));
  const fresh = (folder: string) => {
    mkdirSync(folder);
    prepare(folder);
  };
  const found = (folder: string) =>
    outcome(folder) +
    (words(folder, false).includes("--json") ? readFileSync(`${folder}.said`) : "");
  fresh(undisturbed);
  const { status, time_ms } = await run(undisturbed, words(undisturbed, false), null);
  if (status !== 0) throw new Error(`${name} ends with ${status}`);
  const expected = found(undisturbed);
  const rng = forkRng(Number(values.seed), name);
  const ends = { killed: 0, wrong: 0 };
  for (let k = 0; k < Number(values.count); k++) {
    const folder = `${undisturbed}-${k}`;
    fresh(folder);
    const first = await run(folder, words(folder, false), rng.uniform() * time_ms);
    if (first.status === null) ends.killed++;
    const second = await run(folder, words(folder, true), null);
    if (second.status === 0 && found(folder) === expected) {
      rmSync(folder, { recursive: true });
    } else {
      ends.wrong++;
      console.log(`${name}, kill ${k}: ends with ${second.status}, see ${folder}`);
    }
  }
  console.log(JSON.stringify({ command: name, runs: Number(values.count), ...ends }));
  return ends.wrong === 0;
}

let sound = true;
for (const command of COMMANDS) {
  if (values.command === undefined || values.command === command.name) {
    sound = (await holds(command)) && sound;
  }
}
if (sound) rmSync(work, { recursive: true });
process.exitCode = sound ? 0 : 1;
