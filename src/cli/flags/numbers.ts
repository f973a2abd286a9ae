import { fail } from "../../base/diagnostics/diagnostic.js";
import { badValue } from "../../base/diagnostics/usage.js";
import { bareNumber } from "../usage-hints.js";
import { type Flag, scalar } from "./flag.js";

/* Flags that are numbers. */

interface Range {
  readonly min: number;
  readonly max: number;
}

/** The whole number that a text is, within a range; none: KRS0002. */
export function parseInteger(text: string, name: string, { min, max }: Range): number {
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

/** The finite number, `least` or above, that a text is; `unit` is for the message. None: KRS0002. */
export function parseQuantity(text: string, name: string, unit: string, least: 0 | 1 = 0): number {
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

/** Numbers, zero or above, separated by commas. */
export function numbers(flags: string, description: string): Flag<readonly number[] | null> {
  const parse = (text: string, name: string) =>
    text.split(",").map((each) => parseQuantity(each, name, "any unit"));
  return scalar(flags, description, null, "nothing", parse);
}
