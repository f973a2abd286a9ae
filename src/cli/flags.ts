import { type Command, Option } from "commander";
import { fail } from "../base/diagnostics/diagnostic.js";
import { badValue, boundTwice } from "../base/diagnostics/usage.js";
import { at, byDefault, present } from "../base/need.js";
import { bareNumber } from "./usage-hints.js";

/** What a shell offers as a flag's value. */
type Completion = "nothing" | "files" | "devices" | readonly string[];

/** One flag of the command line: how it is written, what it means and the value it becomes. */
interface Flag<T> {
  /** As commander writes it: `--tp <n>`. */
  readonly flags: string;
  readonly description: string;
  readonly completes: Completion;
  /** When the flag is absent. */
  readonly fallback: T;
  /** The value of all occurrences in order, at least one. Bad: KRS000x. */
  readonly read: (given: readonly string[], name: string) => T;
}

/** The typed values of a table of flags. */
export type Values<F> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

interface Range {
  readonly min: number;
  readonly max: number;
}

/** A scalar flag: the last occurrence wins. */
function scalar<T, F>(
  flags: string,
  description: string,
  fallback: F,
  completes: Completion,
  parse: (text: string, name: string) => T,
): Flag<T | F> {
  const read = (given: readonly string[], name: string): T => parse(at(given, -1), name);
  return { flags, description, completes, fallback, read };
}

function parseInteger(text: string, name: string, { min, max }: Range): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  return fail(badValue(name, text, `a whole number from ${min} to ${max}`));
}

/** A whole number within a range. */
export function integer<F extends number | null>(
  flags: string,
  description: string,
  fallback: F,
  range: Range,
): Flag<number | F> {
  const parse = (text: string, name: string) => parseInteger(text, name, range);
  return scalar(flags, description, fallback, "nothing", parse);
}

function parseQuantity(text: string, name: string, unit: string, least: 0 | 1 = 0): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value) && value >= least) return value;
  const words = least === 0 ? "zero" : "one";
  const expected = `a number of ${unit}, ${words} or above`;
  const bare = bareNumber(text, unit);
  const meant =
    bare === null ? null : `did you mean ${name} ${bare}? a number of ${unit}, without a unit`;
  return fail(badValue(name, text, expected, [], meant));
}

/** One of a few numbers. */
export function level<N extends number>(
  flags: string,
  description: string,
  known: readonly N[],
  fallback: N,
): Flag<N> {
  const parse = (text: string, name: string) =>
    known.find((each) => String(each) === text) ??
    fail(badValue(name, text, `one of ${known.join(", ")}`));
  return scalar(flags, description, fallback, "nothing", parse);
}

/** A finite number, `least` or above; `unit` is for the message. */
export function quantity<F extends number | null>(
  flags: string,
  description: string,
  unit: string,
  fallback: F,
  least: 0 | 1 = 0,
): Flag<number | F> {
  const parse = (text: string, name: string) => parseQuantity(text, name, unit, least);
  return scalar(flags, description, fallback, "nothing", parse);
}

/** A ratio of at least 1. */
export function ratio(flags: string, description: string): Flag<number | null> {
  const parse = (text: string, name: string) => {
    const value = parseQuantity(text, name, "any unit");
    return value >= 1 ? value : fail(badValue(name, text, "a ratio of 1 or more"));
  };
  return scalar(flags, description, null, "nothing", parse);
}

/** The same as a quantity, repeatable: every occurrence counts. */
export function quantities(
  flags: string,
  description: string,
  unit: string,
): Flag<readonly number[]> {
  const read = (given: readonly string[], name: string) =>
    given.map((text) => parseQuantity(text, name, unit));
  return { flags, description, completes: "nothing", fallback: [], read };
}

/** Whole numbers within a range, separated by commas. */
export function integers(
  flags: string,
  description: string,
  range: Range,
): Flag<readonly number[] | null> {
  const parse = (text: string, name: string) =>
    text.split(",").map((each) => parseInteger(each.trim(), name, range));
  return scalar(flags, description, null, "nothing", parse);
}

/** A few words, separated by commas. */
export function choices<T extends string>(
  flags: string,
  description: string,
  known: readonly T[],
): Flag<readonly T[] | null> {
  const parse = (text: string, name: string) =>
    text.split(",").map((each) => parseWord(each, name, known));
  return scalar(flags, description, null, known, parse);
}

/** Numbers, zero or above, separated by commas. */
export function numbers(flags: string, description: string): Flag<readonly number[] | null> {
  const parse = (text: string, name: string) =>
    text.split(",").map((each) => parseQuantity(each, name, "any unit"));
  return scalar(flags, description, null, "nothing", parse);
}

/** Case and separators do not tell words apart: `1F1B`, `zb_h1`. */
const plain = (word: string) => word.toLowerCase().replace(/[-_ ]/g, "");

/** The known word that a text is, forgiving its spelling; none: KRS0002. */
export function parseWord<T extends string>(
  text: string,
  name: string,
  known: readonly T[],
  aliases: Readonly<Record<string, NoInfer<T>>> = {},
): T {
  const word = known.find((candidate) => plain(candidate) === plain(text)) ?? aliases[plain(text)];
  return word ?? fail(badValue(name, text, `one of ${known.join(", ")}`, known));
}

/** One of a few words. */
export function choice<T extends string, F extends T | null>(
  flags: string,
  description: string,
  known: readonly T[],
  fallback: F,
  aliases: Readonly<Record<string, NoInfer<T>>> = {},
): Flag<T | F> {
  const parse = (text: string, name: string) => parseWord(text, name, known, aliases);
  return scalar(flags, description, fallback, known, parse);
}

function parseText(value: string, name: string): string {
  return value === "" ? fail(badValue(name, value, "a name or a path")) : value;
}

/** Any text that is not empty, mostly a path. */
export function text<F extends string | null>(
  flags: string,
  description: string,
  fallback: F,
): Flag<string | F> {
  return scalar(flags, description, fallback, "files", parseText);
}

/** A device: its name, or a file. */
export function device<F extends string | null>(
  flags: string,
  description: string,
  fallback: F,
): Flag<string | F> {
  return scalar(flags, description, fallback, "devices", parseText);
}

/** The same, repeatable: every occurrence counts. */
export function texts(flags: string, description: string): Flag<readonly string[]> {
  const read = (given: readonly string[], name: string) =>
    given.map((value) => parseText(value, name));
  return { flags, description, completes: "files", fallback: [], read };
}

/** A flag without a value. */
export function toggle(flags: string, description: string): Flag<boolean> {
  return { flags, description, completes: "nothing", fallback: false, read: () => true };
}

const LARGEST_DIMENSION = 2 ** 40;

const PAIR = /^\s*([^=]+?)\s*=\s*(.*?)\s*$/;

/** `name=value,...`, repeatable; the same name twice must agree. */
function pairs<T>(
  flags: string,
  description: string,
  { form, example }: { readonly form: string; readonly example: string },
  parse: (text: string, name: string) => T,
): Flag<ReadonlyMap<string, T>> {
  const read = (given: readonly string[], name: string): ReadonlyMap<string, T> => {
    const found = new Map<string, T>();
    for (const pair of given.flatMap((list) => list.split(","))) {
      const parts = PAIR.exec(pair);
      if (parts === null) {
        const expected = `${form}, several separated by commas`;
        return fail(badValue(name, pair, expected, [], `give ${form}, as in ${name} ${example}`));
      }
      const [key, text] = [at(parts, 1), at(parts, 2)];
      const value = parse(text, `${name} ${key}`);
      if ((found.get(key) ?? value) !== value) fail(boundTwice(name, key));
      found.set(key, value);
    }
    return found;
  };
  return { flags, description, completes: "nothing", fallback: new Map(), read };
}

/** Sizes by symbol. Zero is a size: a decoder may start without a past. */
export function bindings(flags: string, description: string): Flag<ReadonlyMap<string, number>> {
  const parse = (text: string, name: string) =>
    parseInteger(text, name, { min: 0, max: LARGEST_DIMENSION });
  return pairs(
    flags,
    description,
    { form: "name=integer", example: "batch=8,sequence=4096" },
    parse,
  );
}

/** Several sizes by symbol: `batch=4,8,16,sequence=4096`. */
export function sizes(
  flags: string,
  description: string,
): Flag<ReadonlyMap<string, readonly number[]>> {
  const read = (given: readonly string[], name: string) => {
    const found = new Map<string, number[]>();
    let key: string | null = null;
    for (const part of given.flatMap((list) => list.split(","))) {
      const pair = PAIR.exec(part);
      if (pair !== null) {
        key = at(pair, 1);
        if (found.has(key)) fail(boundTwice(name, key));
        found.set(key, []);
      }
      if (key === null) return fail(badValue(name, part, "name=integer,integer,..."));
      const text = pair === null ? part.trim() : at(pair, 2);
      const value = parseInteger(text, `${name} ${key}`, { min: 0, max: LARGEST_DIMENSION });
      found.set(key, [...byDefault(found.get(key), []), value]);
    }
    return found;
  };
  return { flags, description, completes: "nothing", fallback: new Map(), read };
}

/** One of a few words by name. */
export function words<T extends string>(
  flags: string,
  description: string,
  known: readonly T[],
): Flag<ReadonlyMap<string, T>> {
  const parse = (text: string, name: string) => parseWord(text, name, known);
  return pairs(flags, description, { form: "name=word", example: `name=${at(known, 0)}` }, parse);
}

/** A larger factor would make sums of times and energies overflow. */
const LARGEST_FACTOR = 1e6;

/** Factors above zero, by stage. */
export function factors(flags: string, description: string): Flag<ReadonlyMap<string, number>> {
  const parse = (text: string, name: string) => {
    const value = parseQuantity(text, name, "times its usual time");
    if (value > 0 && value <= LARGEST_FACTOR) return value;
    return fail(badValue(name, text, `a factor above zero, up to ${LARGEST_FACTOR}`));
  };
  return pairs(flags, description, { form: "stage=factor", example: "1=1.2" }, parse);
}

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
