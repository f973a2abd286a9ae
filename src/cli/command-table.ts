import type { Command } from "commander";
import { FlagOption } from "./flags/table.js";

/*
 * The command line as data: what shell completion, the config file and the documents are made of.
 */

/** One flag of one command. */
export interface FlagEntry {
  /** `--tp`. */
  readonly long: string;
  readonly option: FlagOption;
}

/** One command that can be run. */
export interface CommandEntry {
  /** `profile import`. */
  readonly name: string;
  readonly summary: string;
  readonly command: Command;
  readonly flags: readonly FlagEntry[];
  /** Words of its argument; null: a file, or nothing. */
  readonly argumentWords: readonly string[] | null;
}

/** Every command that can be run, in the order of the help. */
export function commandTable(program: Command): readonly CommandEntry[] {
  const shown = program.createHelp().visibleCommands(program);
  return shown.flatMap((command) => {
    if (command.name() === "help") return [];
    if (command.commands.length === 0) return [entryOf(command, command.name())];
    return command.commands.map((each) => entryOf(each, `${command.name()} ${each.name()}`));
  });
}

function entryOf(command: Command, name: string): CommandEntry {
  const flags = command.options.flatMap((option) =>
    option instanceof FlagOption && option.long ? { long: option.long, option } : [],
  );
  const argumentWords = command.registeredArguments[0]?.argChoices ?? null;
  return { name, summary: command.summary(), command, flags, argumentWords };
}

/** The command that arguments name, as deep as they do; the program itself where they name none. */
export function commandOf(program: Command, args: readonly string[]): Command {
  let command = program;
  for (const word of args.filter((argument) => !argument.startsWith("-"))) {
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined) break;
    command = next;
  }
  return command;
}

/** `kareus profile import`. */
export function commandPath(command: Command): string {
  return command.parent === null
    ? command.name()
    : `${commandPath(command.parent)} ${command.name()}`;
}
