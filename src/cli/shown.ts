import type { Command } from "commander";
import { type TableForm, tablesAs } from "../views/table-form.js";
import { commandTable } from "./command-table.js";
import { toggle } from "./flags/flag.js";
import { addFlags, FlagOption, readFlags } from "./flags/table.js";
import { choice } from "./flags/texts.js";

const FORMS = ["text", "csv", "markdown"] as const satisfies readonly TableForm[];

const FLAGS = {
  verbose: toggle("-v, --verbose", "more: phases as they begin, and every table of inspect"),
  quiet: toggle("-q, --quiet", "less: errors alone on standard error"),
  table: choice("--table <form>", "tables as text, csv (they alone) or markdown", FORMS, "text"),
} as const;

/** How much is said on standard error. */
type Loudness = "quiet" | "usual" | "verbose";

let loudness: Loudness = "usual";

/** What the command line asked for; a process runs one command. */
export function isQuiet(): boolean {
  return loudness === "quiet";
}

/** See {@link isQuiet}. */
export function isVerbose(): boolean {
  return loudness === "verbose";
}

/** Lets every command say more or less, and write its tables in another form. */
export function addShown(program: Command): void {
  const entries = commandTable(program).filter(({ flags }) => flags.length > 0);
  for (const { command } of entries) addFlags(command, FLAGS);
  program.hook("preAction", (_, command) => {
    if (!command.options.some((option) => option instanceof FlagOption)) return;
    const { verbose, quiet, table } = readFlags(command, FLAGS);
    loudness = quiet ? "quiet" : verbose ? "verbose" : "usual";
    tablesAs(command.getOptionValue("json") === true ? "text" : table);
  });
}
