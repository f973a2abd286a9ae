import type { CommandEntry, FlagEntry } from "../command-table.js";
import { type Completed, groupsOf, valueWords } from "./words.js";

/** A completion script for fish. */
export function fishCompletion({ commands, devices }: Completed): string {
  const groups = groupsOf(commands);
  const lines = [...groups].flatMap(([name, members]) => {
    const chosen = members.map((each) => `-f -a ${each.name} -d ${quoted(each.summary)}`);
    const none = `not __fish_seen_subcommand_from ${members.map((each) => each.name).join(" ")}`;
    const seen = name ? `__fish_seen_subcommand_from ${name}; and ${none}` : none;
    return chosen.map((rest) => `complete -c kareus -n ${quoted(seen)} ${rest}`);
  });
  const flags = commands.flatMap((entry) => commandLines(entry, devices));
  return `# Completion of kareus for fish: kareus completion fish | source
complete -c kareus -l help -d 'show help'
${[...lines, ...flags].join("\n")}
`;
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}

function commandLines(entry: CommandEntry, devices: readonly string[]): string[] {
  const seen = entry.name.split(" ").map((word) => `__fish_seen_subcommand_from ${word}`);
  const start = `complete -c kareus -n ${quoted(seen.join("; and "))}`;
  const words = entry.argumentWords;
  const argument = words === null ? [] : [`${start} -f -a ${quoted(words.join(" "))}`];
  return [...argument, ...entry.flags.map((flag) => `${start} ${flagPart(flag, devices)}`)];
}

function flagPart(flag: FlagEntry, devices: readonly string[]): string {
  const name = `-l ${flag.long.slice(2)} -d ${quoted(flag.option.description)}`;
  if (!flag.option.required) return name;
  const { words, files } = valueWords(flag, devices);
  const offered = words.length === 0 ? "" : ` -a ${quoted(words.join(" "))}`;
  return `${name} ${files ? "-r -F" : "-x"}${offered}`;
}
