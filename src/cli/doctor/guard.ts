import { spawnSync } from "node:child_process";
import { z } from "zod";
import { type Diagnostic, fail } from "../../base/diagnostics/diagnostic.js";
import {
  helperFailed,
  journalDamaged,
  journalRefused,
  lockLeft,
  lockStays,
  lockUnknown,
} from "../../base/diagnostics/runtime.js";
import { parseJson } from "../../base/json.js";

/** How long a driver may take: with many GPUs it needs seconds, and it may hang. */
export const PATIENCE_MS = 60_000;

/** The guard's exit code when other users can write the folder of its journal, or no driver answers. */
const CANNOT = 2;

/** A line of `kareus-guard --list` or `--reset`. */
const lock = z.object({
  gpu: z.string(),
  backend: z.string(),
  owner_pid: z.number(),
  guard_pid: z.number(),
  /** stale: its process is gone; reset, failed: the outcome of --reset; unreadable: not known. */
  state: z.enum(["held", "guarded", "stale", "forgotten", "unreadable", "reset", "failed"]),
  message: z.string().optional(),
});

/** A GPU's line of `kareus-guard --look`: locked is at work below its highest clock without a reason. */
const look = z.object({
  gpu: z.string(),
  state: z.enum(["free", "locked", "limited", "idle", "unknown"]),
  clock_mhz: z.number(),
  highest_mhz: z.number(),
});

/** What would undo a lock where a job ends together with its guard. */
const layer = z.object({
  layer: z.enum(["cgroup", "guardd"]),
  there: z.boolean(),
  reason: z.string(),
});

export type Lock = z.infer<typeof lock>;
export type Look = z.infer<typeof look>;
export type Layer = z.infer<typeof layer>;

/** What the journal says; with `reset`, after those whose jobs are gone are unlocked, or all GPUs. */
export function askGuard(path: string, reset: "no" | "stale" | "all"): Lock[] {
  const words = reset === "no" ? ["--list"] : reset === "all" ? ["--reset", "--all"] : ["--reset"];
  const { lines, problem } = linesOf(path, words);
  if (problem !== null) fail(problem);
  return lines.map((line) => lock.safeParse(parseJson(line)).data ?? fail(strange(path, line)));
}

/** What the machine itself shows, journal or not; null: this guard cannot say. */
export function askLook(path: string): { looks: Look[]; layers: Layer[] } | null {
  const { lines, problem } = linesOf(path, ["--look"]);
  const read = lines.map(parseJson);
  const layers = read.flatMap((line) => layer.safeParse(line).data ?? []);
  const looks = read.flatMap((line) => look.safeParse(line).data ?? []);
  const whole = layers.length > 0 && layers.length + looks.length === lines.length;
  return problem === null && whole ? { looks, layers } : null;
}

function linesOf(path: string, words: readonly string[]) {
  const options = { encoding: "utf8", timeout: PATIENCE_MS } as const;
  const run = spawnSync(path, [...words, "--json-lines"], options);
  if (run.error) return { lines: [], problem: helperFailed(path, run.error.message) };
  const { stdout, stderr, status, signal } = run;
  const lines = stdout.split("\n").filter((line) => line !== "");
  if (status === CANNOT) return { lines, problem: journalRefused(stderr.trim()) };
  // Exit code 1 means that a lock stays, and the output names it; other codes say nothing about locks.
  const answered = status === 0 || (status === 1 && lines.length > 0);
  return { lines, problem: answered ? null : helperFailed(path, `ended with ${signal ?? status}`) };
}

function strange(path: string, line: string): Diagnostic {
  return helperFailed(path, `it says ${JSON.stringify(line)}`);
}

/** The locks that nobody will undo, and those that cannot be ruled out. */
export function leftLocked(locks: readonly Lock[], looks: readonly Look[]): Diagnostic[] {
  const told = locks.flatMap(({ gpu, owner_pid, state, message = "unknown" }) => {
    if (state === "stale") return [lockLeft(gpu, owner_pid)];
    if (state === "failed") return [lockStays(gpu, message)];
    return state === "unreadable" ? [journalDamaged(gpu, message)] : [];
  });
  // A lock that the journal explains is no news; one that was undone is.
  const known = locks.filter(({ state }) => state !== "reset" && state !== "forgotten");
  const seen = looks.filter(
    ({ gpu, state }) => state === "locked" && !known.some((each) => each.gpu === gpu),
  );
  return [
    ...told,
    ...seen.map(({ gpu, clock_mhz, highest_mhz }) => lockUnknown(gpu, clock_mhz, highest_mhz)),
  ];
}

/** What the rows about clocks say: what no journal knows is not called "none". */
export function lockRows(locks: readonly Lock[], looks: readonly Look[]): [string, string][] {
  const rows = locks.map(({ gpu, owner_pid, state }): [string, string] => {
    const by = owner_pid > 0 ? ` (process ${owner_pid})` : "";
    return ["clocks", `${gpu} ${STATES[state]}${by}`];
  });
  const silent = looks.filter(({ gpu }) => !locks.some((each) => each.gpu === gpu));
  const free = silent.every(({ state }) => state === "free");
  if (rows.length === 0 && free) return [["clocks", "none locked"]];
  if (rows.length === 0) rows.push(["journal", "no lock of a job's"]);
  return [
    ...rows,
    ...silent.flatMap(({ gpu, state, clock_mhz, highest_mhz }): [string, string][] =>
      state === "free"
        ? []
        : [["clocks", `${gpu} at ${clock_mhz} of ${highest_mhz} MHz, ${SEEN[state]}`]],
    ),
  ];
}

/** What becomes of a lock whose job ends with its whole control group. */
export function layerRows(layers: readonly Layer[]): [string, string][] {
  return layers.map(({ layer: name, there, reason }) =>
    name === "guardd"
      ? ["kareus-guardd", there ? `answers at ${reason}` : `not running at ${reason}`]
      : ["guard", there ? "outlives its job's cgroup" : `ends with its job's cgroup: ${reason}`],
  );
}

const STATES: Readonly<Record<Lock["state"], string>> = {
  held: "locked by a running job",
  guarded: "about to be unlocked by its guard",
  stale: "left locked",
  forgotten: "unlocked since, by a restart of the machine",
  unreadable: "perhaps locked: the journal is lost or damaged",
  reset: "unlocked now",
  failed: "still locked",
};

const SEEN: Readonly<Record<Exclude<Look["state"], "free">, string>> = {
  locked: "at work and not limited: locked by somebody",
  limited: "limited by power or heat: a lock below that would not show",
  idle: "idle: a lock shows under load only",
  unknown: "the driver does not tell its clock",
};
