import { basename, join, resolve } from "node:path";
import type { Command } from "commander";
import { writeText } from "../../base/files.js";
import { at } from "../../base/need.js";
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
  $ kareus report llama.kareus --out llama.html
  $ kareus report monday.kareus tuesday.kareus --out both.html`;

/** `kareus report`: the page of a run, made again from its folder. */
export function addReport(program: Command): void {
  const command = program
    .command("report")
    .summary("make the page of a run again from its folder")
    .description("Draw what optimize found as one page: report.html.")
    .argument("<dir...>", "what optimize wrote; the frontiers of others are laid over the first")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((folders: readonly string[]) => run(folders, readFlags(command, FLAGS)));
}

async function run(folders: readonly string[], flags: Values<typeof FLAGS>): Promise<void> {
  const [folder, ...more] = [at(folders, 0), ...folders.slice(1)];
  const [{ readFrontierAt, readRun }, { reportPage }] = await Promise.all([
    import("../run-folder.js"),
    import("../../views/report/report.js"),
  ]);
  const { report } = new Terminal(flags.json);
  const others = [];
  for (const other of more) {
    const { frontier } = await readFrontierAt(other);
    others.push({ label: basename(resolve(other)), frontier });
  }
  const path = flags.out ?? join(folder, "report.html");
  await writeText(path, reportPage({ ...(await readRun(folder, report)), others }));
  process.stdout.write(
    flags.json ? `${JSON.stringify({ report: path })}\n` : `Written to ${path}\n`,
  );
}
