import { dirname, join } from "node:path";
import type { Command } from "commander";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { notComparable } from "../../base/diagnostics/review.js";
import { readIfThere, readText } from "../../base/files.js";
import type { DifferenceFile } from "../../plan/difference.js";
import { type FrontierFile, readFrontier } from "../../plan/frontier.js";
import { isPlanText, type PlanFile, readPlan } from "../../plan/plan.js";
import type { ComparedRun } from "../../views/comparison/difference.js";
import { toggle } from "../flags/flag.js";
import { quantity } from "../flags/numbers.js";
import { addFlags, readFlags, type Values } from "../flags/table.js";
import { evaluationsOf, frontierPath, readPointPlan } from "../run-folder.js";
import { print, say, Terminal } from "../terminal.js";

const FLAGS = {
  tolerance: quantity("--tolerance <percent>", "smaller changes count as none", "percent", 0),
  json: toggle("--json", "the difference as JSON on stdout, diagnostics as JSON lines on stderr"),
} as const;

const EXAMPLES = `
Two frontiers (files, or what optimize wrote) or two plans. Of two folders, the evaluations tell
costs from search, and the plans at both ends what is set otherwise.
Exit code as in diff(1): 0 the same, 1 different, 2 trouble.

Examples:
  $ kareus diff monday.kareus tuesday.kareus
  $ kareus diff old/frontier.json new/frontier.json --tolerance 0.1
  $ kareus diff llama.kareus/plans/003.json plan.json --json`;

/** `kareus diff`: how two frontiers or two plans differ, in words. */
export function addDiff(program: Command): void {
  const command = program
    .command("diff")
    .summary("say how two frontiers or two plans differ")
    .description("Compare two frontiers or two plans in words: what moved, by how much, and why.")
    .argument("<a>", "folder, frontier.json or plan.json")
    .argument("<b>", "the same kind, to compare with it")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((a: string, b: string) => run(a, b, readFlags(command, FLAGS)));
}

async function run(a: string, b: string, flags: Values<typeof FLAGS>): Promise<void> {
  const [before, after] = [await read(a), await read(b)];
  const tolerance = flags.tolerance / 100;
  const found = await compare(before, after, tolerance, flags.json);
  if (flags.json) {
    const { writeDifference } = await import("../../plan/difference.js");
    print(writeDifference(found));
  } else {
    const { differenceSummary } = await import("../../views/comparison/summary.js");
    say(differenceSummary(found));
  }
  if (!found.same) process.exitCode = 1;
}

/** One side: where it was read, and what it is. */
interface Side {
  readonly path: string;
  readonly content: FrontierFile | PlanFile;
}

async function read(source: string): Promise<Side> {
  const path = await frontierPath(source);
  const text = await readText(path);
  return { path, content: isPlanText(text) ? readPlan(text, path) : readFrontier(text, path) };
}

async function compare(
  before: Side,
  after: Side,
  tolerance: number,
  json: boolean,
): Promise<DifferenceFile> {
  const [{ frontierDifference, planDifference }] = await Promise.all([
    import("../../views/comparison/difference.js"),
  ]);
  const [a, b] = [before.content, after.content];
  if (a.format === "kareus-plan" && b.format === "kareus-plan") {
    return planDifference(a, b, tolerance);
  }
  if (a.format === "kareus-plan" || b.format === "kareus-plan") {
    return fail(notComparable(before.path, after.path));
  }
  return frontierDifference(
    await runAt(before.path, a, json),
    await runAt(after.path, b, json),
    tolerance,
  );
}

/** What lies beside a frontier: its evaluations and the plans at its ends, as far as they exist. */
async function runAt(path: string, frontier: FrontierFile, json: boolean): Promise<ComparedRun> {
  const [fastest, cheapest] = [frontier.points[0], frontier.points.at(-1)];
  const beside = (name: string) => join(dirname(path), name);
  const textOf = async (name: string) => (path === "-" ? null : readIfThere(beside(name)));
  const planOf = async (point: typeof fastest) => {
    if (point === undefined || (await textOf(point.plan)) === null) return null;
    return (await readPointPlan(path, frontier, point)).plan;
  };
  const measured = await textOf("measurements.jsonl");
  const { report } = new Terminal(json);
  return {
    frontier,
    evaluations:
      measured === null
        ? null
        : evaluationsOf(measured, beside("measurements.jsonl"), frontier, report),
    fastest: await planOf(fastest),
    cheapest: await planOf(cheapest),
  };
}
