import type { CommandEntry, FlagEntry } from "../command-table.js";
import { type Completed, groupsOf, type Member, valueWords } from "./words.js";

/** A completion script for zsh's own completion system. */
export function zshCompletion({ commands, devices }: Completed): string {
  const functions = commands.map(commandFunction);
  const groups = [...groupsOf(commands)].map(([name, members]) => groupFunction(name, members));
  return `#compdef kareus
# Completion of kareus for zsh: source <(kareus completion zsh)
_kareus_device() {
  _alternative 'devices:device:(${devices.join(" ")})' 'files:file:_files'
}
${[...functions, ...groups.reverse()].join("\n")}
compdef _kareus kareus
`;
}

const functionOf = (name: string) => `_kareus${name && `_${name.replaceAll(" ", "_")}`}`;

/** What is special inside the brackets of a specification, and to single quotes. */
function described(text: string): string {
  return text.replace(/[[\]:\\]/g, "\\$&").replaceAll("'", "'\\''");
}

function commandFunction(entry: CommandEntry): string {
  const words = entry.argumentWords;
  const argument = words === null ? "'*:file:_files'" : `'1:name:(${words.join(" ")})'`;
  const flags = entry.flags.map((flag) => `'${specification(flag)}'`);
  const lines = ["'--help[show help]'", ...flags, argument].map((line) => `    ${line}`);
  return `${functionOf(entry.name)}() {\n  _arguments -S \\\n${lines.join(" \\\n")}\n}`;
}

function specification(flag: FlagEntry): string {
  const { required, description, row } = flag.option;
  const name = `*${flag.long}${required ? "=" : ""}[${described(description)}]`;
  if (!required) return name;
  if (row.completes === "devices") return `${name}:device:_kareus_device`;
  const { words, files } = valueWords(flag, []);
  if (files) return `${name}:file:_files`;
  return `${name}:value:${words.length > 0 ? `(${words.join(" ")})` : " "}`;
}

/** Hands the words after a command's name to that command. */
function groupFunction(name: string, members: readonly Member[]): string {
  const entries = members.map((each) => `        '${each.name}:${described(each.summary)}'`);
  const calls = members.map((each) => {
    const called = functionOf(name ? `${name} ${each.name}` : each.name);
    return `        ${each.name}) ${called} ;;`;
  });
  return `${functionOf(name)}() {
  local state line
  local -a names
  _arguments -C '1:command:->command' '*::argument:->argument'
  case $state in
    command)
      names=(
${entries.join("\n")}
      )
      _describe command names ;;
    argument)
      case $line[1] in
${calls.join("\n")}
      esac ;;
  esac
}`;
}
