import { join } from "node:path";
import type { Command } from "commander";
import { fail, type Report } from "../../base/diagnostics/diagnostic.js";
import { flagWithoutUse, missingFlags } from "../../base/diagnostics/usage.js";
import { prepareFolder, readText, writeText } from "../../base/files.js";
import { type PlanFile, readPlan } from "../../plan/plan.js";
import { toggle } from "../flags/flag.js";
import { addFlags, readFlags, type Values } from "../flags/table.js";
import { choice, text } from "../flags/texts.js";
import { print, say, Terminal } from "../terminal.js";

const FORMATS = ["zeus", "kareus-artifact", "perfetto"] as const;

const FLAGS = {
  format: choice("--format <tool>", `who is to read it: ${FORMATS.join(", ")}`, FORMATS, null),
  out: text("--out <file|dir>", "where to write it (default: standard output)", null),
  nearest: toggle("--nearest", "where the plan cannot be expressed exactly, what comes nearest"),
  json: toggle(
    "--json",
    "the written files as JSON on stdout, diagnostics as JSON lines on stderr",
  ),
} as const;

const EXAMPLES = `
zeus is for Zeus' pipeline frequency optimizer: the clocks of one iteration, a JSON list with the
schedule of every rank, or, where --out ends in .py, the solution that its PointSolution3D takes.

kareus-artifact is for the runtime of the Kareus artifact: the two files that it takes, into the
folder --out. It runs all layers of an instruction alike and nanobatched: mostly that needs --nearest.

perfetto is a trace of one iteration, instructions, clocks and power: https://ui.perfetto.dev opens it.

Examples:
  $ kareus export plan.json --format zeus --out schedule.json
  $ kareus export plan.json --format zeus --out solution.py
  $ kareus export plan.json --format perfetto --out trace.json
  $ kareus export plan.json --format kareus-artifact --nearest --out lowtime`;

/** `kareus export`: a plan in the words of another tool. */
export function addExport(program: Command): void {
  const command = program
    .command("export")
    .summary("write a plan for another tool")
    .description("Write a plan in the format of another tool.")
    .argument("<plan.json>", "a plan, - for standard input")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((path: string) => run(path, readFlags(command, FLAGS)));
}

async function run(path: string, flags: Values<typeof FLAGS>): Promise<void> {
  const { format, out } = flags;
  if (format === null) return fail(missingFlags("kareus export", ["--format"]));
  if (format === "kareus-artifact" && out === null) {
    return fail(missingFlags("kareus export", ["--out"]));
  }
  if (flags.nearest && format !== "kareus-artifact") {
    fail(flagWithoutUse("--nearest", "only kareus-artifact is ever approximated"));
  }
  const plan = readPlan(await readText(path), path);
  const { report } = new Terminal(flags.json);
  if (format === "kareus-artifact" && out !== null) {
    const { artifactFiles } = await import("../../exchange/kareus-artifact.js");
    const files = Object.entries(artifactFiles(plan, path, flags.nearest, report));
    await prepareFolder(out);
    for (const [name, content] of files) await writeText(join(out, name), content);
    return sayFiles(
      files.map(([name]) => join(out, name)),
      flags.json,
    );
  }
  const content = format === "zeus" ? await zeusText(plan, path, out, report) : await trace(plan);
  if (out === null) {
    print(content);
    return;
  }
  await writeText(out, content);
  sayFiles([out], flags.json);
}

/** What the file's ending asks for: a schedule for every rank, or the server's Python. */
async function zeusText(
  plan: PlanFile,
  path: string,
  out: string | null,
  report: Report,
): Promise<string> {
  const { zeusSchedules, zeusSolution } = await import("../../exchange/zeus.js");
  return (out?.endsWith(".py") ? zeusSolution : zeusSchedules)(plan, path, report);
}

async function trace(plan: PlanFile): Promise<string> {
  const { perfettoTrace } = await import("../../exchange/perfetto.js");
  return perfettoTrace(plan);
}

/** Says what was written. */
function sayFiles(files: readonly string[], json: boolean): void {
  if (json) print(`${JSON.stringify({ files })}\n`);
  else say(`Written: ${files.join(", ")}\n`);
}
