import { join } from "node:path";
import type { Command } from "commander";
import { writeText } from "../../base/files.js";
import { addFlags, readFlags, text, toggle, type Values } from "../flags.js";
import { Terminal } from "../terminal.js";

const FLAGS = {
  out: text("--out <file>", "where the page goes (default: report.html in the folder)", null),
  json: toggle("--json", "the page's path as JSON on stdout, diagnostics as JSON lines on stderr"),
} as const;

const EXAMPLES = `
The page needs nothing else and can be sent as it is. It shows the frontier, the timeline of each plan,
what was evaluated and how partitions overlap; what the folder lacks is shown as not available.

Examples:
  $ kareus report llama.kareus
  $ kareus report llama.kareus --out llama.html`;

/** `kareus report`: the page of a run, made again from its folder. */
export function addReport(program: Command): void {
  const command = program
    .command("report")
    .summary("make the page of a run again from its folder")
    .description("Draw what optimize found as one page: report.html.")
    .argument("<dir>", "what optimize wrote")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((folder: string) => run(folder, readFlags(command, FLAGS)));
}

async function run(folder: string, flags: Values<typeof FLAGS>): Promise<void> {
  const [{ readRun }, { reportPage }] = await Promise.all([
    import("../run-folder.js"),
    import("../../views/report/report.js"),
  ]);
  const { report } = new Terminal(flags.json);
  const path = flags.out ?? join(folder, "report.html");
  await writeText(path, reportPage(await readRun(folder, report)));
  process.stdout.write(
    flags.json ? `${JSON.stringify({ report: path })}\n` : `Written to ${path}\n`,
  );
}
