import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { present } from "../../src/base/need.js";
import { median } from "../../src/math/mean.js";
import type { SolutionFile } from "../../src/plan/solution.js";
import { richProblem } from "../support/pipelines.js";

/*
 * npm run bench:against COMMIT: the solver of this tree beside that of another commit, on the same
 * machine, one after the other: CPU time, memory, gaps, and how much more energy the plans take.
 */

interface Case {
  readonly stages: number;
  readonly microbatches: number;
  readonly switch_time_s: number;
  /** Whether the other commit ends on it in a time that anyone would wait. */
  readonly both: boolean;
}

const POINTS = 32;

const CASES: readonly Case[] = [
  { stages: 8, microbatches: 32, switch_time_s: 0, both: true },
  { stages: 16, microbatches: 64, switch_time_s: 0, both: true },
  { stages: 32, microbatches: 128, switch_time_s: 0, both: true },
  { stages: 16, microbatches: 64, switch_time_s: 0.01, both: true },
  { stages: 64, microbatches: 512, switch_time_s: 0, both: false },
];

interface Outcome {
  readonly cpu_s: number;
  readonly memory_mb: number;
  readonly points: SolutionFile["points"];
}

/** Prints, when a process ends, what it took: user CPU of all threads and the most memory. */
const METER = `
import { isMainThread } from "node:worker_threads";
import { writeFileSync } from "node:fs";
if (isMainThread) process.on("exit", () => {
  const { userCPUTime, maxRSS } = process.resourceUsage();
  writeFileSync(process.env.KAREUS_METER, JSON.stringify([userCPUTime / 1e6, maxRSS / 1e3]));
});`;

function instanceText({ stages, microbatches, switch_time_s }: Case): string {
  const { options, static_power_w } = richProblem(stages, microbatches, 18);
  const cells = options.map((cell) =>
    Object.fromEntries(
      Object.entries(cell).map(([kind, list]) => [
        kind,
        list.map(({ time_s, energy_j }, k) => ({ time_s, energy_j, freq_mhz: 900 + 30 * k })),
      ]),
    ),
  );
  const frame = { format: "kareus-instance", version: 1, name: "rich", stages, microbatches };
  const rest = { pipeline: "1f1b", static_power_w, switch_time_s, options: cells };
  return JSON.stringify({ ...frame, ...rest });
}

function solve(tree: string, instance: string, folder: string): Outcome {
  const meter = join(folder, "meter.json");
  const program = join(tree, "dist/src/cli/main.js");
  const args = ["--import", join(folder, "meter.mjs"), program];
  const words = ["solve", instance, "--points", String(POINTS), "--json"];
  const env = { ...process.env, KAREUS_METER: meter };
  const limits = { maxBuffer: 2 ** 30, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [...args, ...words], {
    env,
    ...limits,
  });
  if (status !== 0) throw new Error(stderr);
  const [cpu_s, memory_mb] = JSON.parse(readFileSync(meter, "utf8")) as [number, number];
  return { cpu_s, memory_mb, points: (JSON.parse(stdout) as SolutionFile).points };
}

/** A built copy of a commit, kept for the next time. */
function treeOf(commit: string): string {
  const tree = resolve(tmpdir(), `kareus-bench-${commit}`);
  if (existsSync(join(tree, "dist"))) return tree;
  const run = (program: string, args: readonly string[], cwd: string) =>
    execFileSync(program, args, { cwd, stdio: "inherit" });
  if (!existsSync(tree)) run("git", ["worktree", "add", "--detach", tree, commit], ".");
  run("npm", ["ci"], tree);
  run("npm", ["run", "build"], tree);
  return tree;
}

/** By what share the plan for one of the deadlines takes more energy than the other's, at worst. */
function mostExtra(own: Outcome["points"], others: Outcome["points"]): number {
  const times = others.map(({ time_s }) => time_s);
  const [first_s, last_s] = [Math.min(...times), Math.max(...times)];
  const leastIn = (points: Outcome["points"], deadline_s: number) =>
    Math.min(
      ...points
        .filter(({ time_s }) => time_s <= deadline_s * (1 + 1e-6))
        .map(({ energy_j }) => energy_j),
    );
  const deadlines = Array.from(
    { length: POINTS },
    (_, k) => first_s + ((last_s - first_s) * k) / (POINTS - 1),
  );
  return Math.max(
    ...deadlines.map((deadline_s) => leastIn(own, deadline_s) / leastIn(others, deadline_s) - 1),
  );
}

function inWords({ cpu_s, memory_mb, points }: Outcome): string {
  const gaps = points.map(({ energy_j, lower_bound_j }) => energy_j / lower_bound_j - 1);
  const share = (value: number) => `${(100 * value).toFixed(3)}%`;
  const gap = `gap ${share(median(gaps))}, at most ${share(Math.max(...gaps))}`;
  return `${cpu_s.toFixed(2)} s, ${memory_mb.toFixed(0)} MB, ${points.length} points, ${gap}`;
}

const commit = present(process.argv[2], "commit: npm run bench:against COMMIT");
const other = treeOf(commit);
const folder = mkdtempSync(join(tmpdir(), "kareus-against-"));
try {
  writeFileSync(join(folder, "meter.mjs"), METER);
  for (const each of CASES) {
    const instance = join(folder, "instance.json");
    writeFileSync(instance, instanceText(each));
    const switches = each.switch_time_s > 0 ? `, switches of ${each.switch_time_s} s` : "";
    process.stdout.write(`${each.stages}x${each.microbatches}${switches}\n`);
    const own = solve(".", instance, folder);
    process.stdout.write(`  this tree: ${inWords(own)}\n`);
    if (!each.both) continue;
    const others = solve(other, instance, folder);
    process.stdout.write(`  ${commit}: ${inWords(others)}\n`);
    const ratio = (others.cpu_s / own.cpu_s).toFixed(1);
    const extra = (100 * mostExtra(own.points, others.points)).toFixed(3);
    process.stdout.write(`  ${ratio} times less CPU; energy at most ${extra}% more\n`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
