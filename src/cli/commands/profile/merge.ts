import type { Command } from "commander";
import { packageVersion } from "../../../base/package.js";
import { toggle } from "../../flags/flag.js";
import { addFlags, readFlags, type Values } from "../../flags/table.js";
import { text } from "../../flags/texts.js";
import { Terminal } from "../../terminal.js";
import { writeProfile } from "./output.js";

const FLAGS = {
  out: text("--out <file>", "where to write the merged profile (default: standard output)", null),
  json: toggle("--json", "what was written as JSON on stdout, diagnostics as JSON lines on stderr"),
} as const;

const EXAMPLES = `
Records of the same setting become one: their trials add up. The order of the profiles does not
matter, and one named twice counts once.

Example:
  $ kareus profile merge monday.jsonl tuesday.jsonl --out profiles/mine.jsonl`;

/** `kareus profile merge`: several profiles of one GPU as one. */
export function addProfileMerge(group: Command): void {
  const command = group
    .command("merge")
    .summary("several profiles of one GPU as one")
    .description("Put several profiles of one GPU together; what was measured twice is pooled.")
    .argument("<profile.jsonl...>", "profiles, - for standard input")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((files: readonly string[]) => run(files, readFlags(command, FLAGS)));
}

async function run(files: readonly string[], flags: Values<typeof FLAGS>): Promise<void> {
  const [{ readProfile }, { mergeProfiles }] = await Promise.all([
    import("../../../profile/reader.js"),
    import("../../../profile/merge.js"),
  ]);
  const { report } = new Terminal(flags.json);
  const profiles = files.map((file) => readProfile(file, report));
  await writeProfile(mergeProfiles(profiles, `kareus ${packageVersion()}`), flags.out, flags.json);
}
