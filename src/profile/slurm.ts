import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { fail, refuse } from "../base/diagnostics/diagnostic.js";
import {
  clocksNotLocked,
  noGpu,
  recorderFailed,
  slurmFailed,
  unwritableProfile,
} from "../base/diagnostics/profile.js";
import { at } from "../base/need.js";
import { CLOCKS, commandOf, NO_GPU, type RecorderSetting } from "./recorder.js";

/*
 * Recorders on the nodes of a Slurm cluster: an array of jobs, a shard of the work list and a node
 * each. A job writes its recorder's answers into a file of a folder that all nodes share, a line at a
 * time, each on the disk before the next; they are read from there as they come.
 */

const run = promisify(execFile);

/** How often answers are looked for. */
const POLL_MS = 1000;
/** A controller that restarts is waited for so many times. */
const MOST_FAILURES = 120;

/** What is to be run where. */
export interface Cluster {
  /** Shared by all nodes; files of every round are kept in it. */
  readonly folder: string;
  /** How many nodes measure at once; null: all that answer. */
  readonly nodes: number | null;
}

/** A program of Slurm: what it says. Fails with KRS2078. */
async function slurm(program: string, words: readonly string[]): Promise<string> {
  try {
    return (await run(program, words)).stdout;
  } catch (cause) {
    const said =
      typeof cause === "object" && cause !== null && "stderr" in cause ? cause.stderr : "";
    const reason = String(said).trim() || (cause instanceof Error ? cause.message : String(cause));
    return fail(slurmFailed(program, at(reason.split("\n"), 0)));
  }
}

/** The nodes that answer, but for those that failed. */
async function nodesOf(cluster: Cluster, failed: ReadonlySet<string>): Promise<number> {
  const named = (
    await slurm("sinfo", ["--noheader", "--Node", "--responding", "--format=%N"])
  ).split(/\s+/);
  const sound = new Set(named.filter((name) => name !== "" && !failed.has(name)));
  return Math.min(sound.size, cluster.nodes ?? sound.size);
}

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** What a node runs: each list through the recorder, and how that ended. */
function script(folder: string, setting: RecorderSetting): string {
  const [program, flags] = commandOf(setting);
  const command = [program, ...flags].map(quoted).join(" ");
  return `#!/bin/bash
set -o pipefail
shard=${quoted(folder)}/$SLURM_ARRAY_TASK_ID
echo "$SLURMD_NODENAME" > "$shard.node"
for list in "$shard".*.tasks; do
  ${command} < "$list" 2>> "$shard.err" | while IFS= read -r line; do
    printf '%s\\n' "$line" >> "$shard.answers" && sync "$shard.answers"
  done || { echo "$?" > "$shard.ended"; exit 1; }
done
echo 0 > "$shard.ended"
`;
}

/** Hands on the whole lines that a growing file has gained. */
function follower(path: string, onLine: (line: string) => void): () => void {
  let read = 0;
  return () => {
    if (!existsSync(path)) return;
    const bytes = readFileSync(path);
    const whole = bytes.lastIndexOf("\n".charCodeAt(0)) + 1;
    const lines = bytes.subarray(read, whole).toString("utf8").split("\n").slice(0, -1);
    read = Math.max(read, whole);
    lines.forEach(onLine);
  };
}

/** Whether a job is still in the queue. A controller that does not answer is asked again. */
async function isQueued(job: string, failures: number): Promise<boolean | null> {
  try {
    return (
      (await run("squeue", ["--noheader", `--job=${job}`, "--format=%T"])).stdout.trim() !== ""
    );
  } catch (cause) {
    const said = String(cause);
    if (said.includes("Invalid job id")) return false;
    return failures < MOST_FAILURES ? null : fail(slurmFailed("squeue", said));
  }
}

/** Follows a job until it is out of the queue. */
async function follow(job: string, readAll: () => void): Promise<void> {
  let failures = 0;
  for (let queued: boolean | null = true; queued !== false; ) {
    await sleep(POLL_MS);
    readAll();
    queued = await isQueued(job, failures);
    failures = queued === null ? failures + 1 : 0;
  }
  // What the last node wrote may come a little later through a shared folder.
  await sleep(POLL_MS);
  readAll();
}

const firstLine = (path: string): string | null =>
  existsSync(path) ? at(readFileSync(path, "utf8").split("\n"), 0) : null;

/** Nodes whose shard did not end well. */
function failedNodes(folder: string, shards: number): string[] {
  return Array.from({ length: shards }, (_, i) => join(folder, String(i))).flatMap((shard) => {
    const node = firstLine(`${shard}.node`);
    return node === null || node === "" || firstLine(`${shard}.ended`) === "0" ? [] : [node];
  });
}

/** Why no shard of a round has answered. */
function refuseRound(folder: string, setting: RecorderSetting): never {
  const ended = readdirSync(folder).filter((name) => name.endsWith(".ended"));
  const codes = ended.map((name) => Number(firstLine(join(folder, name))));
  if (codes.includes(NO_GPU)) refuse(noGpu(setting.recorder));
  const errors = readdirSync(folder).filter((name) => name.endsWith(".err"));
  const [said = ""] = errors.map((name) => readFileSync(join(folder, name), "utf8").trim());
  const last = at(said.split("\n"), -1);
  if (codes.includes(CLOCKS)) refuse(clocksNotLocked("--lock-clocks", last));
  return fail(recorderFailed(setting.recorder, last || `no node answered; see ${folder}`));
}

/** The folders of a cluster's rounds, in order. */
function roundsIn(folder: string): string[] {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const rounds = names.filter((name) => /^round-\d+$/.test(name)).length;
  return Array.from({ length: rounds }, (_, round) => join(folder, `round-${round}`));
}

/**
 * The answers that are left of a recording of the same tasks that was cut short; its jobs, if any still
 * run, are stopped. A folder of other tasks: KRS2013.
 */
export async function leftAnswers({ folder }: Cluster, tasks: string): Promise<string[]> {
  const known = join(folder, "tasks");
  if (existsSync(known) && readFileSync(known, "utf8") !== tasks) {
    fail(unwritableProfile(folder, "it is of another recording"));
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(known, tasks);
  const lines: string[] = [];
  for (const round of roundsIn(folder)) {
    const job = firstLine(join(round, "job"));
    if (job !== null) await run("scancel", [job]).catch(() => undefined);
    const files = readdirSync(round).filter((name) => name.endsWith(".answers"));
    for (const name of files.sort()) follower(join(round, name), (line) => lines.push(line))();
  }
  return lines;
}

/** Runs rounds of work lists on a cluster; nodes that failed in one are left out of the next. */
export function slurmRunner(setting: RecorderSetting, cluster: Cluster) {
  const failed = new Set<string>();
  let round = roundsIn(cluster.folder).length;
  /**
   * Runs lists of tasks, one after the other on a node, shards of them side by side. Answers come as
   * they are written. Fails with KRS2078 where Slurm does, and as a recorder does where none answers.
   */
  return async (
    listsOf: (shard: number, shards: number) => readonly string[],
    onLine: (line: string) => void,
  ): Promise<void> => {
    const folder = resolve(cluster.folder, `round-${round++}`);
    const shards = await nodesOf(cluster, failed);
    if (shards === 0) fail(slurmFailed("sinfo", "no node is left that answers and has not failed"));
    mkdirSync(folder, { recursive: true });
    for (let shard = 0; shard < shards; shard++) {
      listsOf(shard, shards).forEach((list, i) => {
        writeFileSync(join(folder, `${shard}.${String(i).padStart(4, "0")}.tasks`), list);
      });
    }
    const batch = join(folder, "job.sh");
    writeFileSync(batch, script(folder, setting));
    const exclude = failed.size > 0 ? [`--exclude=${[...failed].sort().join(",")}`] : [];
    const said = await slurm("sbatch", [
      ...["--parsable", "--job-name=kareus-record", `--array=0-${shards - 1}`, "--nodes=1"],
      ...["--exclusive", "--no-requeue", `--output=${join(folder, "%a.out")}`, ...exclude, batch],
    ]);
    const job = at(said.trim().split(";"), 0);
    writeFileSync(join(folder, "job"), `${job}\n`);
    let heard = 0;
    const count = (line: string) => {
      heard++;
      onLine(line);
    };
    const files = Array.from({ length: shards }, (_, i) =>
      follower(join(folder, `${i}.answers`), count),
    );
    try {
      await follow(job, () => {
        for (const read of files) read();
      });
    } catch (cause) {
      await run("scancel", [job]).catch(() => undefined);
      throw cause;
    }
    for (const node of failedNodes(folder, shards)) failed.add(node);
    if (heard === 0) refuseRound(folder, setting);
  };
}
