import type { Command } from "commander";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { planWithoutCosts } from "../../base/diagnostics/review.js";
import { flagWithoutUse } from "../../base/diagnostics/usage.js";
import { readText } from "../../base/files.js";
import { type Execution, readFrontier } from "../../plan/frontier.js";
import {
  type CostedPlan,
  costedPlan,
  isPlanText,
  type PlanFile,
  readPlan,
} from "../../plan/plan.js";
import { select } from "../../plan/select.js";
import { toggle } from "../flags/flag.js";
import { integer } from "../flags/numbers.js";
import { addFlags, readFlags, type Values } from "../flags/table.js";
import { frontierPath, readPointPlan } from "../run-folder.js";
import { print, say } from "../terminal.js";

const FLAGS = {
  id: integer("--id <n>", "the point of this id (default: the knee)", null, {
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  }),
  json: toggle("--json", "the explanation as JSON on stdout, diagnostics as JSON lines on stderr"),
} as const;

const EXAMPLES = `
Time counts one GPU of each stage, energy every GPU of one data-parallel replica. Each cause's energy
is the static energy burnt in its time; dynamic energy is the rest. Rows add up to the total.
A plan alone names the next point; what that sets otherwise takes the folder of the run.

Examples:
  $ kareus explain llama.kareus
  $ kareus explain llama.kareus --id 4
  $ kareus explain plan.json --json`;

/** `kareus explain`: why a point costs what it costs. */
export function addExplain(program: Command): void {
  const command = program
    .command("explain")
    .summary("say why a point costs what it costs")
    .description(
      "Split the time and energy of a plan by cause, stage and partition type, and say what the next point would change.",
    )
    .argument("<dir|frontier.json|plan.json>", "what optimize wrote, - for standard input")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((source: string) => run(source, readFlags(command, FLAGS)));
}

async function run(source: string, flags: Values<typeof FLAGS>): Promise<void> {
  const { plan, next, executions } = await plansOf(source, flags.id);
  const { explanation } = await import("../../views/explain/explanation.js");
  const found = explanation(plan, next, executions);
  if (flags.json) {
    const { writeExplanation } = await import("../../plan/explanation.js");
    print(writeExplanation(found));
    return;
  }
  const { explanationSummary } = await import("../../views/explain/summary.js");
  say(explanationSummary(found));
}

/** What is explained, and what a frontier knows beside it. */
interface Explained {
  readonly plan: CostedPlan;
  /** Null: there is none; undefined: the plan stands alone. */
  readonly next: CostedPlan | null | undefined;
  readonly executions?: readonly Execution[] | undefined;
}

/** The plan that was asked for and, in a frontier, the plan of the next slower point. */
async function plansOf(source: string, id: number | null): Promise<Explained> {
  const path = await frontierPath(source);
  const content = await readText(path);
  if (isPlanText(content)) {
    if (id !== null) fail(flagWithoutUse("--id", `${path} is one plan, not a frontier`));
    return { plan: costed(readPlan(content, path), path), next: undefined };
  }
  const frontier = readFrontier(content, path);
  const point = select(frontier, id === null ? { by: "knee" } : { by: "id", id }, path);
  const after = frontier.points[frontier.points.indexOf(point) + 1];
  const planAt = async (at: typeof point) =>
    costed((await readPointPlan(path, frontier, at)).plan, at.plan);
  const next = after === undefined ? null : await planAt(after);
  return { plan: await planAt(point), next, executions: frontier.executions };
}

function costed(plan: PlanFile, where: string): CostedPlan {
  return costedPlan(plan) ?? fail(planWithoutCosts(where));
}
