import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism, constants, setPriority } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DiagnosticError, fail } from "../base/diagnostics/diagnostic.js";
import { nothingLearned, notMadeAgain, replanFailed } from "../base/diagnostics/runtime.js";
import { prepareFolder, readIfThere, readText, writeText } from "../base/files.js";
import { packagePath } from "../base/package.js";
import { duration } from "../base/units.js";
import { readDetails } from "../plan/details.js";
import { describePoint, type FrontierFile } from "../plan/frontier.js";
import { writeSaving } from "../plan/saving.js";
import { type Selector, select } from "../plan/select.js";
import { readSteps, type StepsFile } from "../plan/steps.js";
import { blocksOf, savingOf, savingText, stepsSoFar } from "../views/saving.js";
import type { Course } from "./following.js";
import { readFrontierAt, readPointPlan } from "./run-folder.js";
import { note } from "./terminal.js";
import { writeDiagnostic } from "./write-diagnostic.js";

/** Blocks of steps that the own first steps are measured in, at least. */
const BLOCKS = 24;
/** And own clocks once more, later. */
const AGAIN = BLOCKS / 2;
/** A look at the job costs all of its ranks a message: none more often, none much rarer. */
const LOOK_S = { least: 0.02, most: 2 };
/** How often the job's notes are read. */
const READ_S = 0.2;

/** A job that learns: what it starts with, and what goes on beside it until it ends. */
export interface Learning extends Course {
  /** Measures, plans again and lets the job follow, until `ended` says that the job is over; then reports. */
  readonly accompany: (ended: Promise<unknown>) => Promise<void>;
}

/**
 * Prepares `kareus run --learn`: a folder in the run's own for what is measured and planned again.
 * @param run what `optimize` wrote
 * @param measure_s for how long the own first steps are measured, at least
 * @throws DiagnosticError where the run cannot be made again (KRS5430)
 */
export async function learningFrom(
  run: string,
  measure_s: number,
  selector: Selector,
): Promise<Learning> {
  const { path, frontier } = await readFrontierAt(run);
  const home = dirname(resolve(path));
  const told = await toldOf(home);
  const point = select(frontier, selector, path);
  const { plan } = await readPointPlan(path, frontier, point);
  const folder = await freshFolder(home);
  const job: Job = { folder, told, measure_s, selector, frontier };
  return {
    plan,
    said: `${run} as a start, own first steps measured for ${duration(measure_s)}, notes in ${folder}`,
    environment: {
      KAREUS_PLAN: join(home, point.plan),
      KAREUS_FOLLOW: join(folder, "plan.json"),
      KAREUS_STEPS: join(folder, "steps.jsonl"),
      KAREUS_PROFILE: join(folder, "measured"),
      KAREUS_LOOK_S: String(lookEvery(measure_s)),
    },
    accompany: (ended) => accompany(job, ended),
  };
}

interface Job {
  readonly folder: string;
  /** What `optimize` was told, the graph first. */
  readonly told: readonly string[];
  readonly measure_s: number;
  readonly selector: Selector;
  /** The frontier that it made then. */
  readonly frontier: FrontierFile;
}

function lookEvery(measure_s: number): number {
  return Math.min(LOOK_S.most, Math.max(LOOK_S.least, measure_s / BLOCKS));
}

/** What the run was told, its graph where it is now. */
async function toldOf(home: string): Promise<readonly string[]> {
  const file = join(home, "details.json");
  const details = readDetails(await readText(file), file);
  const [graph, ...flags] =
    details.arguments ?? fail(notMadeAgain(home, "it is of an older kareus"));
  const places = [graph ?? "-", join(dirname(home), basename(graph ?? "-"))];
  const found = places.find((place) => place !== "-" && existsSync(place));
  if (found === undefined) return fail(notMadeAgain(home, `its graph ${graph} is not there`));
  return [found, ...flags];
}

async function freshFolder(home: string): Promise<string> {
  for (let n = 1; ; n++) {
    const folder = join(home, `learn-${n}`);
    if (await prepareFolder(folder)) return folder;
  }
}

async function accompany(job: Job, ended: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const end = ended.finally(() => over.abort());
  // Whoever started the job hears of it below; until then nobody asks.
  end.catch(() => undefined);
  let measured = 0;
  try {
    measured = await enough(job, over.signal);
    const plan = measured > 0 ? await replan(job, over.signal) : null;
    if (plan !== null) await compare(job, plan, measured, over.signal);
  } catch (cause) {
    if (!(cause instanceof DiagnosticError)) throw cause;
    const [first] = cause.diagnostics;
    warn(replanFailed(job.folder, `${first?.code} ${first?.message}`));
  }
  await end;
  await report(job, measured);
}

const warn = (diagnostic: Parameters<typeof writeDiagnostic>[0]) =>
  writeDiagnostic(diagnostic, false);

async function stepsOf({ folder }: Job): Promise<StepsFile | null> {
  const file = join(folder, "steps.jsonl");
  const text = await readIfThere(file);
  return text === null ? null : readSteps(text, file);
}

/** Waits until the own first steps are measured: how many blocks there are then; 0: the job ended before. */
async function enough(job: Job, over: AbortSignal): Promise<number> {
  while (!over.aborted) {
    const steps = await stepsOf(job);
    const blocks = steps === null ? [] : steps.blocks;
    const { own } = blocksOf(blocks);
    const time_s = own.reduce((sum, each) => sum + each.time_s, 0);
    if (own.length >= BLOCKS - 1 && time_s >= job.measure_s) {
      note(`measured ${stepsSoFar(own)}; planning again with what they took\n`);
      // Every rank writes its records down within two looks.
      await pause(2 * lookEvery(job.measure_s) + READ_S, over);
      return blocks.length;
    }
    await pause(READ_S, over);
  }
  return 0;
}

const pause = (time_s: number, signal: AbortSignal) =>
  sleep(time_s * 1000, undefined, { signal }).catch(() => undefined);

/**
 * Plans again in a process of its own, which leaves the job's CPUs alone, and hands the job its plan.
 * Returns that, or null where there is none, which it says.
 */
async function replan(job: Job, over: AbortSignal): Promise<string | null> {
  const out = join(job.folder, "replanned");
  const measured = join(job.folder, "measured");
  if (!existsSync(measured)) {
    return refused(nothingLearned(job.folder, "no rank recorded what its instructions take"));
  }
  const profile = ["--profile", measured];
  const threads = Math.max(1, availableParallelism() >> 2);
  const words = [
    ...job.told,
    ...profile,
    "--out",
    out,
    "--threads",
    String(threads),
    "--no-config",
  ];
  const { code, said } = await optimize(words, over);
  if (over.aborted) {
    return refused(nothingLearned(job.folder, "the job ended before the plan was made again"));
  }
  if (code !== 0) {
    const reason = said.split("\n").find((line) => line !== "") ?? "it was stopped";
    return refused(replanFailed(job.folder, reason));
  }
  note(said);
  const { path, frontier } = await readFrontierAt(out);
  if (frontier.graph.sha256 !== job.frontier.graph.sha256) {
    return refused(replanFailed(job.folder, `${job.told[0]} is another graph than it was`));
  }
  const point = select(frontier, job.selector, path);
  const { content } = await readPointPlan(path, frontier, point);
  await follow(job, content);
  note(`the job is told to follow ${describePoint(point)}, planned; of ${out}\n`);
  return content;
}

function refused(diagnostic: Parameters<typeof warn>[0]): null {
  warn(diagnostic);
  return null;
}

/** What the job follows from its next look on; `null`: nothing, own clocks. */
const follow = (job: Job, content: string) => writeText(join(job.folder, "plan.json"), content);

/** Runs our own `optimize`, at the lowest priority. */
async function optimize(words: readonly string[], over: AbortSignal) {
  const main = packagePath("dist/src/cli/main.js");
  const child: ChildProcess = spawn(process.execPath, [main, "optimize", ...words], {
    stdio: ["ignore", "ignore", "pipe"],
    signal: over,
  });
  let said = "";
  child.stderr?.on("data", (text: Buffer) => {
    said += text.toString();
  });
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  const code = await new Promise<number | null>((done) => {
    child.on("error", () => done(null));
    child.on("close", done);
  });
  return { code, said };
}

/**
 * Lets the job go back to its own clocks for a while, once it ran as long under the plan as before it: that
 * tells what it changed by itself. Then says what was saved, for jobs may run for weeks.
 */
async function compare(job: Job, plan: string, measured: number, over: AbortSignal): Promise<void> {
  if (!(await reached(job, ({ followed }) => followed.length >= measured, over))) return;
  await follow(job, "null\n");
  await reached(job, ({ again }) => again.length >= AGAIN, over);
  await follow(job, plan);
  const steps = await stepsOf(job);
  if (steps !== null && !over.aborted) note(`${savingText(savingOf(steps, measured))}\n`);
}

/** Waits for what the job's blocks must be; false: the job ended before. */
async function reached(
  job: Job,
  holds: (blocks: ReturnType<typeof blocksOf>) => boolean,
  over: AbortSignal,
): Promise<boolean> {
  while (!over.aborted) {
    const steps = await stepsOf(job);
    if (steps !== null && holds(blocksOf(steps.blocks))) return true;
    await pause(READ_S, over);
  }
  return false;
}

async function report(job: Job, measured: number): Promise<void> {
  const steps = await stepsOf(job);
  if (steps === null) return warn(nothingLearned(job.folder, "the job said nothing of its steps"));
  if (measured === 0) {
    return warn(nothingLearned(job.folder, `it ended after ${stepsSoFar(steps.blocks)}`));
  }
  const saving = savingOf(steps, measured);
  const file = join(job.folder, "saving.json");
  await writeText(file, writeSaving(saving));
  note(`${savingText(saving)}\nWritten to ${file}\n`);
}
