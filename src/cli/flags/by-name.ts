import { fail } from "../../base/diagnostics/diagnostic.js";
import { badValue, boundTwice } from "../../base/diagnostics/usage.js";
import { at, byDefault } from "../../base/need.js";
import type { Flag } from "./flag.js";
import { parseInteger, parseQuantity } from "./numbers.js";
import { parseWord } from "./texts.js";

/* Flags that say something of each of several names. */

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
