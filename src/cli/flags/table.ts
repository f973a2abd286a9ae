import { type Command, Option } from "commander";
import { present } from "../../base/need.js";
import type { Flag } from "./flag.js";

/* Tables of flags: put on a command, and read from it. */

/** The typed values of a table of flags. */
export type Values<F> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

/** A flag as commander knows it, with the row of the table that it comes from. */
export class FlagOption extends Option {
  readonly row: Flag<unknown>;

  constructor(row: Flag<unknown>) {
    const { flags, description, fallback } = row;
    const shown = typeof fallback === "number" || typeof fallback === "string";
    super(flags, shown ? `${description} (default: ${fallback})` : description);
    this.row = row;
  }
}

/** Where flags are looked up that the command line does not say. */
export const CONFIG_FILE = "kareus.config.json";

/** How diagnostics name a flag of a config file. */
export function fromConfig(file: string, key: string): string {
  return `${file}: ${key}`;
}

/** How diagnostics name a flag: `--tp`, or its place in the config file that set it. */
function placeOf(command: Command, option: Option): string {
  const long = option.long ?? option.flags;
  if (command.getOptionValueSource(option.attributeName()) !== "config") return long;
  return fromConfig(String(command.getOptionValue("config") ?? CONFIG_FILE), long.slice(2));
}

type Table = Readonly<Record<string, Flag<unknown>>>;

/** Tables by topic. */
export type Topics = Readonly<Record<string, Table>>;

/** The typed values of tables by topic. */
export type TopicValues<T> = { readonly [K in keyof T]: Values<T[K]> };

/** Adds the flags of every topic to a command, in the help under the topic's name. */
export function addTopics(command: Command, topics: Topics): void {
  for (const [topic, table] of Object.entries(topics)) {
    addFlags(command, table, `${topic.charAt(0).toUpperCase()}${topic.slice(1)}:`);
  }
}

/** The validated values of every topic's flags, by topic. */
export function readTopics<T extends Topics>(command: Command, topics: T): TopicValues<T> {
  const values = Object.entries(topics).map(([topic, table]) => [topic, readFlags(command, table)]);
  return Object.fromEntries(values) as TopicValues<T>;
}

/** Adds every flag of a table to a command. Values are collected as written. */
export function addFlags(command: Command, table: Table, heading = "Options:"): void {
  for (const row of Object.values(table)) {
    const option = new FlagOption(row);
    option.helpGroup(heading);
    if (option.required || option.optional) {
      option.argParser((value: string, earlier: unknown) => [
        ...(Array.isArray(earlier) ? earlier : []),
        value,
      ]);
    }
    command.addOption(option);
  }
}

/** The values of a table's flags, validated; call it once, at the door. */
export function readFlags<F extends Table>(command: Command, table: F): Values<F> {
  const values = Object.entries(table).map(([key, flag]) => {
    const option = new Option(flag.flags);
    const given: unknown = command.getOptionValue(option.attributeName());
    // Commander holds true for a `--no-...` flag that is absent.
    if (given === undefined || (option.negate && given === true)) return [key, flag.fallback];
    const texts = Array.isArray(given) ? given.map(String) : [];
    return [key, flag.read(texts, placeOf(command, option))];
  });
  return Object.fromEntries(values) as Values<F>;
}

/** What was given of the flags of some tables, as a command line writes it; defaults are left out. */
export function writtenFlags(command: Command, tables: readonly Table[]): readonly string[] {
  return tables.flatMap(Object.values<Flag<unknown>>).flatMap((flag) => {
    const option = new Option(flag.flags);
    const given: unknown = command.getOptionValue(option.attributeName());
    const long = present(option.long, "name");
    if (Array.isArray(given)) return given.flatMap((value) => [long, String(value)]);
    return given === !option.negate ? [long] : [];
  });
}

/** What the flags of a table are when nobody gives them. */
export function defaults<F extends Readonly<Record<string, { readonly fallback: unknown }>>>(
  table: F,
) {
  const entries = Object.entries(table).map(([name, { fallback }]) => [name, fallback]);
  return Object.fromEntries(entries) as { readonly [K in keyof F]: F[K]["fallback"] };
}
