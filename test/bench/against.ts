import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { present } from "../../src/base/need.js";
import { median } from "../../src/math/mean.js";
import type { SolutionFile } from "../../src/plan/solution.js";
import { richProblem } from "../support/pipelines.js";
import { DEEP_NODES, DEEP_SIZES, deepModel } from "./large-models.js";
import { type Metered, metered } from "./metered.js";

/*
 * npm run bench:against COMMIT: the solver of this tree beside that of another commit, on the same
 * machine, one after the other: CPU time, memory, gaps, and how much more energy the plans take; then
 * CPU time and memory for a graph of 100,000 nodes.
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
  { stages: 128, microbatches: 1024, switch_time_s: 0, both: false },
];

interface Outcome {
  readonly cpu_s: number;
  readonly memory_mb: number;
  readonly points: SolutionFile["points"];
}

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

/** With so many points, or within given times. */
function solve(tree: string, instance: string, deadlines_s?: readonly number[]): Outcome {
  const asked = deadlines_s?.flatMap((time_s) => ["--deadline", String(time_s)]) ?? [
    "--points",
    String(POINTS),
  ];
  const words = ["solve", instance, ...asked, "--json"];
  const { cpu_s, memory_mb, stdout } = metered(tree, words);
  return { cpu_s, memory_mb, points: (JSON.parse(stdout) as SolutionFile).points };
}

/** A graph of 100,000 nodes from file to plans. */
function plan(tree: string, folder: string): Metered {
  const [graph, out] = [join(folder, "deep.onnx"), join(folder, "out")];
  writeFileSync(graph, deepModel());
  try {
    return metered(tree, ["optimize", graph, ...DEEP_SIZES, "--out", out]);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
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

/** By what share the plan within one of the other's times takes more energy than the other's, at worst. */
function mostExtra(own: Outcome["points"], others: Outcome["points"]): number {
  const extra = others.map(({ time_s, energy_j }) => {
    const inTime = own.filter((point) => point.time_s <= time_s * (1 + 1e-6));
    return Math.min(...inTime.map((point) => point.energy_j)) / energy_j - 1;
  });
  return Math.max(...extra);
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
  for (const each of CASES) {
    const instance = join(folder, "instance.json");
    writeFileSync(instance, instanceText(each));
    const switches = each.switch_time_s > 0 ? `, switches of ${each.switch_time_s} s` : "";
    process.stdout.write(`${each.stages}x${each.microbatches}${switches}\n`);
    const own = solve(".", instance);
    process.stdout.write(`  this tree: ${inWords(own)}\n`);
    if (!each.both) continue;
    const others = solve(other, instance);
    process.stdout.write(`  ${commit}: ${inWords(others)}\n`);
    const ratio = (others.cpu_s / own.cpu_s).toFixed(1);
    const fastest_s = Math.min(...own.points.map(({ time_s }) => time_s));
    const times = others.points.map(({ time_s }) => time_s).filter((time_s) => time_s >= fastest_s);
    const inTime = solve(".", instance, times);
    const extra = (100 * mostExtra(inTime.points, others.points)).toFixed(3);
    process.stdout.write(`  ${ratio} times less CPU; energy at most ${extra}% more\n`);
  }
  const [own, others] = [plan(".", folder), plan(other, folder)];
  const took = ({ cpu_s, memory_mb }: Metered) =>
    `${cpu_s.toFixed(1)} s, ${memory_mb.toFixed(0)} MB`;
  process.stdout.write(`${DEEP_NODES} nodes, optimized\n  this tree: ${took(own)}\n`);
  process.stdout.write(`  ${commit}: ${took(others)}\n`);
  process.stdout.write(`  ${(others.cpu_s / own.cpu_s).toFixed(1)} times less CPU\n`);
} finally {
  rmSync(folder, { recursive: true });
}
