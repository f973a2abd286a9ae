import { basename, join, resolve } from "node:path";
import type { Command } from "commander";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { emptyFrontier } from "../../base/diagnostics/plan.js";
import { writeBytes, writeText } from "../../base/files.js";
import { at } from "../../base/need.js";
import type { FrontierFile } from "../../plan/frontier.js";
import { changedWork, spelled } from "../../plan/planned.js";
import { toggle } from "../flags/flag.js";
import { addFlags, readFlags, type Values } from "../flags/table.js";
import { text } from "../flags/texts.js";
import { print, say, Terminal } from "../terminal.js";
import { watching } from "../watch.js";

const FLAGS = {
  out: text(
    "--out <file>",
    "where the page goes (default: report.html in the folder; of several compared.html here)",
    null,
  ),
  pdf: text("--pdf <file>", "also draw the frontier as one page of PDF", null),
  png: text("--png <file>", "also draw the frontier as a PNG picture", null),
  svg: text("--svg <file>", "also draw the frontier as an SVG picture", null),
  watch: toggle("--watch", "make the page again whenever frontier.json is written"),
  json: toggle("--json", "the page's path as JSON on stdout, diagnostics as JSON lines on stderr"),
} as const;

const EXAMPLES = `
The page needs nothing else and can be sent as it is. It shows the frontier, the timeline of each plan,
what was evaluated and how partitions overlap; what the folder lacks is shown as not available.

Examples:
  $ kareus report llama.kareus
  $ kareus report llama.kareus --out llama.html
  $ kareus report llama.kareus --pdf frontier.pdf
  $ kareus report llama.kareus --png frontier.png
  $ kareus report monday.kareus tuesday.kareus --out both.html --png both.png`;

/** `kareus report`: the page of a run, made again from its folder. */
export function addReport(program: Command): void {
  const command = program
    .command("report")
    .summary("make the page of a run again from its folder")
    .description("Draw what optimize found as one page: report.html.")
    .argument("<dir...>", "what optimize wrote; the frontiers of others are laid over the first")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((folders: readonly string[]) => {
    const flags = readFlags(command, FLAGS);
    const make = () => run(folders, flags);
    const files = folders.map((folder) => join(folder, "frontier.json"));
    return flags.watch ? watching(files, make) : make();
  });
}

async function run(folders: readonly string[], flags: Values<typeof FLAGS>): Promise<void> {
  const [folder, ...more] = [at(folders, 0), ...folders.slice(1)];
  const [{ readFrontierAt, readRun }, { reportPage }] = await Promise.all([
    import("../run-folder.js"),
    import("../../views/report/report.js"),
  ]);
  const { report } = new Terminal(flags.json);
  const found = await readRun(folder, report);
  const others: Named[] = [];
  for (const other of more) {
    const { frontier } = await readFrontierAt(other);
    others.push({ label: nameOf(other, found.frontier, frontier), frontier });
  }
  const named = others.length === 0 ? {} : { label: basename(resolve(folder)), folder, others };
  // The page of one run is not where that of several belongs.
  const path = flags.out ?? (others.length === 0 ? join(folder, "report.html") : COMPARED);
  await writeText(path, reportPage({ ...found, ...named }));
  const pictures = await drawn({ frontier: found.frontier, ...named }, folder, flags);
  if (flags.json) print(`${JSON.stringify({ report: path, ...pictures })}\n`);
  else say(`Written to ${[path, ...Object.values(pictures)].join(" and ")}\n`);
}

/** Where the page of several runs goes, in the present folder. */
const COMPARED = "compared.html";

interface Named {
  readonly label: string;
  readonly frontier: FrontierFile;
}

/** A run by its folder, with what it does other work in than the first. */
function nameOf(folder: string, first: FrontierFile, own: FrontierFile): string {
  const work = changedWork(first, own).map(({ name, after }) => `${name} ${spelled(after)}`);
  return `${basename(resolve(folder))}${work.length === 0 ? "" : ` (${work.join(", ")})`}`;
}

/** Draws the frontier in each form that is asked for; the files written, by form. */
async function drawn(
  {
    frontier,
    label,
    others,
  }: Pick<Named, "frontier"> & { readonly label?: string; readonly others?: readonly Named[] },
  folder: string,
  { pdf, png, svg }: Values<typeof FLAGS>,
): Promise<Readonly<Record<string, string>>> {
  if (pdf === null && png === null && svg === null) return {};
  if (frontier.points.length === 0) fail(emptyFrontier(folder));
  const { frontierPicture } = await import("../../views/drawing/frontier.js");
  const { wholeFrontier } = await import("../../views/advice.js");
  const lines = others?.map((each) => ({
    label: each.label,
    points: wholeFrontier(each.frontier).points,
  }));
  const picture = frontierPicture(wholeFrontier(frontier), label, lines);
  if (pdf !== null) {
    const { pdfPage } = await import("../../views/drawing/pdf.js");
    await writeBytes(pdf, pdfPage(picture));
  }
  if (png !== null) {
    const { pngPage } = await import("../../views/drawing/png.js");
    await writeBytes(png, await pngPage(picture));
  }
  if (svg !== null) {
    const { svgPage } = await import("../../views/drawing/svg.js");
    await writeText(svg, svgPage(picture));
  }
  const files = Object.entries({ pdf, png, svg });
  return Object.fromEntries(files.filter((entry): entry is [string, string] => entry[1] !== null));
}
