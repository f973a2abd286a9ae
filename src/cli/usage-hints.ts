import type { Command, CommanderError, Option } from "commander";
import { suggesting } from "../base/suggest.js";

/** Longer units and shares of the unit that a flag counts in, as people write them behind a number. */
const SUFFIXES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  percent: { "%": 1, percent: 1 },
  seconds: { s: 1, ms: 1e-3, us: 1e-6, min: 60, h: 3600, d: 86400 },
  microseconds: { us: 1, ms: 1e3, s: 1e6, ns: 1e-3 },
  watts: { w: 1, kw: 1e3, mw: 1e6 },
  joules: { j: 1, kj: 1e3, mj: 1e6 },
};

/** The bare number that a text with a unit, or with a comma for its point, stands for; null: it is none. */
export function bareNumber(text: string, unit: string): string | null {
  const parts = /^(\d+(?:[.,]\d+)?)\s*(\D*)$/.exec(text.trim());
  const factor = parts?.[2] === "" ? 1 : SUFFIXES[unit]?.[String(parts?.[2]).toLowerCase()];
  if (parts === null || factor === undefined) return null;
  return String(Number((Number(parts[1]?.replace(",", ".")) * factor).toPrecision(12)));
}

/** What helps against a command line that the parser refused. */
export function usageHint(
  cause: CommanderError,
  command: Command,
  own: readonly string[],
  help: string,
) {
  if (cause.code === "commander.unknownOption") {
    const unknown = /'(--?[^'=]+)/.exec(cause.message)?.[1];
    return unknown === undefined ? help : suggesting(unknown, longNames(command), help);
  }
  if (cause.code === "commander.excessArguments") return excessHint(command, own) ?? help;
  const suggestion = cause.message.split("\n").slice(1).join(" ");
  return suggestion.replace(/^\(|\)$/g, "") || help;
}

const longNames = ({ options }: Command) => options.flatMap(({ long }) => long ?? []);

/** Words that stand alone: a flag without its dashes, or values of one that takes them with commas. */
function excessHint(command: Command, own: readonly string[]): string | null {
  const names = longNames(command);
  const bare = own.find((word) => names.includes(`--${word}`));
  if (bare !== undefined) return `did you mean --${bare}?`;
  for (const option of command.options) {
    const after = option.long ? wordsAfter(option.long, own) : [];
    if (option.required && after.length > 1) return joined(option, after);
  }
  return null;
}

/** The words between a flag and the next one. */
function wordsAfter(long: string, own: readonly string[]): readonly string[] {
  const rest = own.slice(own.indexOf(long) + 1);
  if (!own.includes(long)) return [];
  const end = rest.findIndex((word) => word.startsWith("-"));
  return end < 0 ? rest : rest.slice(0, end);
}

/** `--bind batch=8,sequence=4096` of `batch 8 sequence 4096` or `batch=8 sequence=4096`. */
function joined({ long, flags }: Option, words: readonly string[]): string {
  if (!flags.includes(",...")) return `${long} takes one value: ${long} ${words[0]}`;
  const isPair = words.every((word) => word.includes("="));
  const pairs = words.flatMap((word, k) => (k % 2 === 0 ? [`${word}=${words[k + 1]}`] : []));
  const values = isPair || !flags.includes("=") ? words : words.length % 2 === 0 ? pairs : [];
  if (values.length === 0) return `several values of ${long} are separated by commas`;
  return `several values are separated by commas: ${long} ${values.join(",")}`;
}
