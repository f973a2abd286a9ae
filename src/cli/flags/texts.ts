import { fail } from "../../base/diagnostics/diagnostic.js";
import { badValue } from "../../base/diagnostics/usage.js";
import { type Flag, scalar } from "./flag.js";

/* Flags that are words, names and paths. */

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
