import { existsSync } from "node:fs";
import type { Command, Option } from "commander";
import { fail } from "../base/diagnostics/diagnostic.js";
import { badConfigValue, unknownConfigKey } from "../base/diagnostics/usage.js";
import { readText } from "../base/files.js";
import type { Config, ConfigValue } from "../plan/config.js";
import { type CommandEntry, commandTable } from "./command-table.js";
import { CONFIG_FILE, FlagOption, fromConfig } from "./flags.js";

/** Said on each command line, and so in no file. */
const NOT_IN_FILES = ["--config", "--no-config", "--json"];

/** Lets every command take flags from a config file; what the command line says wins. */
export function addConfig(program: Command): void {
  const entries = commandTable(program).filter(({ flags }) => flags.length > 0);
  for (const { command } of entries) {
    const help = `flags from this file (default: ${CONFIG_FILE}, where there is one)`;
    command.addOption(new FlagOption("--config <file>", help, "files"));
    command.addOption(new FlagOption("--no-config", `no flags from ${CONFIG_FILE}`, "nothing"));
  }
  program.hook("preAction", async (_, command) => {
    const entry = entries.find((each) => each.command === command);
    if (entry !== undefined) await applyConfig(entry, entries);
  });
}

async function applyConfig(entry: CommandEntry, entries: readonly CommandEntry[]): Promise<void> {
  const { command } = entry;
  const named: unknown = command.getOptionValue("config");
  if (named === false || (named === undefined && !existsSync(CONFIG_FILE))) return;
  const file = typeof named === "string" ? named : CONFIG_FILE;
  const { readConfig } = await import("../plan/config.js");
  const config = readConfig(await readText(file), file);
  checkKeys(config, entries, file);
  const given = { ...config.shared, ...config.commands[entry.name] };
  const taken = Object.entries(given).flatMap(([key, value]) => {
    const option = optionOf(command, key);
    return option === undefined ? [] : setFlag(command, option, value, fromConfig(file, key));
  });
  if (taken.length === 0 || command.getOptionValue("json") === true) return;
  process.stderr.write(`from ${file}: ${taken.join(" ")}\n`);
}

/** Keys that no command has, or not that one: KRS0030. */
function checkKeys(config: Config, entries: readonly CommandEntry[], file: string): void {
  const keysOf = ({ flags }: CommandEntry) =>
    flags.map(({ long }) => long.slice(2)).filter((key) => !NOT_IN_FILES.includes(`--${key}`));
  const check = (path: string, keys: readonly string[], known: readonly string[]) => {
    const unknown = keys.find((key) => !known.includes(key));
    if (unknown !== undefined) fail(unknownConfigKey(file, path + unknown, unknown, known));
  };
  const names = entries.map(({ name }) => name);
  check("commands.", Object.keys(config.commands), names);
  check("", Object.keys(config.shared), [...new Set(entries.flatMap(keysOf)), "commands"]);
  for (const entry of entries) {
    check(`commands.${entry.name}.`, Object.keys(config.commands[entry.name] ?? {}), keysOf(entry));
  }
}

function optionOf(command: Command, key: string): Option | undefined {
  return command.options.find(({ long }) => long === `--${key}`);
}

/** Sets a flag unless the command line did; returns how it would be written there. */
function setFlag(command: Command, option: Option, value: ConfigValue, where: string): string[] {
  const name = option.attributeName();
  if (command.getOptionValueSource(name) === "cli") return [];
  const takesValue = option.required || option.optional;
  if (takesValue === (typeof value === "boolean")) {
    fail(badConfigValue(where, value, takesValue ? "a value" : "true or false"));
  }
  if (value === false) return [];
  const texts = textsOf(value);
  command.setOptionValueWithSource(name, takesValue ? texts : !option.negate, "config");
  const written = texts.map((text) => (/^[\w./=-]+$/.test(text) ? text : JSON.stringify(text)));
  return takesValue ? written.map((text) => `${option.long} ${text}`) : [option.long ?? ""];
}

/** A value as the command line writes it, once for each occurrence. */
function textsOf(value: ConfigValue): readonly string[] {
  if (Array.isArray(value)) return value.map(String);
  if (typeof value !== "object") return [String(value)];
  return Object.entries(value).map(([name, each]) => `${name}=${each}`);
}
