import { existsSync } from "node:fs";
import type { Command } from "commander";
import { type Diagnostic, fail } from "../base/diagnostics/diagnostic.js";
import { badConfigValue, otherGpus, unknownConfigKey } from "../base/diagnostics/usage.js";
import { readText } from "../base/files.js";
import { byDefault } from "../base/need.js";
import type { Config, ConfigValue } from "../plan/config.js";
import { type CommandEntry, commandTable, type FlagEntry } from "./command-table.js";
import { toggle } from "./flags/flag.js";
import { addFlags, CONFIG_FILE, fromConfig } from "./flags/table.js";
import { text } from "./flags/texts.js";
import { isQuiet } from "./shown.js";
import { note } from "./terminal.js";
import { writeDiagnostic } from "./write-diagnostic.js";

const FLAGS = {
  config: text(
    "--config <file>",
    `flags from this file (default: ${CONFIG_FILE}, where there is one)`,
    null,
  ),
  noConfig: toggle("--no-config", `no flags from ${CONFIG_FILE}`),
} as const;

/** These flags belong to one command line, not to a file. */
const NOT_IN_FILES = ["--config", "--no-config", "--json", "--watch"];

/** These commands come before there is a file, or do without. */
const WITHOUT_FILE = ["init", "demo"];

/** The command whose flags stand at the top of a file, for every command that shares them. */
const JOB_COMMAND = "optimize";

/** Lets every command take flags from a config file; what the command line says wins. */
export function addConfig(program: Command): void {
  const entries = commandTable(program).filter(
    ({ name, flags }) => flags.length > 0 && !WITHOUT_FILE.includes(name),
  );
  for (const { command } of entries) addFlags(command, FLAGS);
  program.hook("preAction", async (_, command) => {
    const entry = entries.find((each) => each.command === command);
    if (entry !== undefined) await applyConfig(entry, entries);
  });
}

async function applyConfig(entry: CommandEntry, entries: readonly CommandEntry[]): Promise<void> {
  const { command } = entry;
  const named: unknown = command.getOptionValue("config");
  if (named === false || (!Array.isArray(named) && !existsSync(CONFIG_FILE))) return;
  const file = Array.isArray(named) ? String(named.at(-1)) : CONFIG_FILE;
  const { readConfig } = await import("../plan/config.js");
  const config = readConfig(await readText(file), file);
  checkKeys(config, entries, file);
  const own = config.commands[entry.name] ?? {};
  const job = entries.find(({ name }) => name === JOB_COMMAND)?.flags ?? [];
  const taken = entry.flags.flatMap((flag) => {
    const key = flag.long.slice(2);
    // Compared by row of the table: flags of the same name may differ between commands.
    const shared = job.some(({ option }) => option.row === flag.option.row);
    const value = own[key] ?? (shared ? config.shared[key] : undefined);
    return value === undefined ? [] : setFlag(command, flag, value, fromConfig(file, key));
  });
  if (isQuiet()) return;
  const json = command.getOptionValue("json") === true;
  const other = layoutOfMixed(command, config, file);
  if (other !== null) writeDiagnostic(other, json);
  if (taken.length === 0 || json) return;
  note(`from ${file}: ${taken.join(" ")}\n`);
}

const DEGREES = ["tp", "cp", "ep", "pp", "dp"] as const;

/** What to say where degrees of the command line beside the file's make another number of GPUs; null: nothing. */
function layoutOfMixed(command: Command, { shared }: Config, file: string): Diagnostic | null {
  const isGiven = (name: string) => command.getOptionValueSource(name) === "cli";
  const given = DEGREES.filter(isGiven);
  const kept = DEGREES.filter((name) => Number(shared[name]) > 1 && !isGiven(name));
  if (given.length === 0 || kept.length === 0) return null;
  const before = product(DEGREES.map((name) => Number(byDefault(shared[name], 1))));
  const value = (name: string) =>
    Number([byDefault<unknown>(command.getOptionValue(name), 1)].flat().at(-1));
  const now = product(DEGREES.map(value));
  // What is no number is refused where flags are read.
  if (!(now > 0) || !(before > 0) || now === before) return null;
  const dp = (before * value("dp")) / now;
  const said = (names: readonly string[]) => names.map((name) => `--${name} ${value(name)}`);
  return otherGpus(file, before, now, {
    given: said(given).join(" "),
    kept: said(kept).join(" "),
    dp: isGiven("dp") || !Number.isInteger(dp) ? null : dp,
  });
}

const product = (values: readonly number[]) => values.reduce((all, value) => all * value, 1);

/** Refuses keys that the command does not have: KRS0030. */
function checkKeys(config: Config, entries: readonly CommandEntry[], file: string): void {
  const check = (path: string, keys: readonly string[], known: readonly string[]) => {
    const unknown = keys.find((key) => !known.includes(key));
    if (unknown !== undefined) fail(unknownConfigKey(file, path + unknown, unknown, known));
  };
  const names = entries.map(({ name }) => name);
  check("commands.", Object.keys(config.commands), names);
  for (const { name, flags } of entries) {
    const known = flags.map(({ long }) => long).filter((long) => !NOT_IN_FILES.includes(long));
    const keys = known.map((long) => long.slice(2));
    check(`commands.${name}.`, Object.keys(config.commands[name] ?? {}), keys);
    if (name === JOB_COMMAND) check("", Object.keys(config.shared), [...keys, "commands"]);
  }
}

/** Sets a flag unless the command line did; returns how it would be written there. */
function setFlag(
  command: Command,
  { long, option }: FlagEntry,
  value: ConfigValue,
  where: string,
): string[] {
  const name = option.attributeName();
  if (command.getOptionValueSource(name) === "cli") return [];
  const takesValue = option.required || option.optional;
  if (takesValue === (typeof value === "boolean")) {
    fail(badConfigValue(where, value, takesValue ? "a value" : "true or false"));
  }
  if (value === false) return [];
  const texts = textsOf(value);
  command.setOptionValueWithSource(name, takesValue ? texts : !option.negate, "config");
  const written = texts.map((each) => (/^[\w./=-]+$/.test(each) ? each : JSON.stringify(each)));
  return takesValue ? written.map((each) => `${long} ${each}`) : [long];
}

/** A value as the command line writes it, once for each occurrence. */
function textsOf(value: ConfigValue): readonly string[] {
  if (Array.isArray(value)) return value.map(String);
  if (typeof value !== "object") return [String(value)];
  return Object.entries(value).map(([name, each]) => `${name}=${each}`);
}
