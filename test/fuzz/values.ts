import { at } from "../../src/base/need.js";
import type { Rng } from "../../src/base/rng.js";

/** Data with a few values changed, so that most of it passes the first checks of its reader. */

/** What breaks readers: other types, ends of ranges, names that clash. */
const VALUES: readonly unknown[] = [
  ...[null, true, "", "a100", "\u001b[2J", "__proto__", [], {}, [null], { value: null }],
  ...[0, -0, -1, 1, 2, 0.5, 1e-300, 1e300, 2 ** 53, -(2 ** 31), 4096],
];

export const choose = <T>(rng: Rng, from: readonly T[]): T =>
  at(from, Math.min(from.length - 1, Math.floor(rng.uniform() * from.length)));

/** A number near another, far from it, or at an end of what it may be; whole where that was. */
function changedNumber(value: number, rng: Rng): unknown {
  const kind = rng.uniform();
  if (kind > 0.95) return choose(rng, VALUES);
  const factors = kind < 0.7 ? [0.5, 0.9, 1, 1.1, 2] : [1e-9, 1e-3, 0, 1e3, 1e9];
  const other = value * choose(rng, factors);
  return Number.isInteger(value) ? Math.max(Math.sign(value), Math.round(other)) : other;
}

/** The value with one of its parts changed; seldom one is removed, doubled or of another type. */
function changed(value: unknown, rng: Rng): unknown {
  if (typeof value === "number") return changedNumber(value, rng);
  const kind = rng.uniform();
  if (typeof value !== "object" || value === null) {
    return kind < 0.7 ? value : choose(rng, VALUES);
  }
  if (kind < 0.01) return choose(rng, VALUES);
  if (Array.isArray(value)) {
    const where = Math.floor(rng.uniform() * value.length);
    if (kind < 0.05) return value.toSpliced(where, 1);
    if (kind < 0.1) return [...value, ...value];
    return value.length === 0
      ? [choose(rng, VALUES)]
      : value.with(where, changed(value[where], rng));
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return { value: choose(rng, VALUES) };
  const [name, part] = choose(rng, entries);
  if (kind < 0.03) return Object.fromEntries(entries.filter(([key]) => key !== name));
  return { ...value, [name]: changed(part, rng) };
}

/** The value after one to four changes. */
export function several(value: unknown, rng: Rng): unknown {
  let now = value;
  for (let times = 0; times < 1 + 3 * rng.uniform(); times++) now = changed(now, rng);
  return now;
}
