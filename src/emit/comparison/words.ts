import type { Measure } from "../../plan/verification.js";

/** A relative change in words: `+0.98%`, `-12%`, `no change`; three significant digits. */
export function changeInWords(change: number): string {
  const percent = Number((100 * change).toPrecision(3));
  if (percent === 0) return "no change";
  return `${percent > 0 ? "+" : ""}${percent}%`;
}

/** The first few of a list, and how many more there are. */
export function someOf(names: readonly string[], most = 3): string {
  const more = names.length - most;
  return `${names.slice(0, most).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** The middle value of a list that is not empty (the upper one of two). */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

const PLACES: Readonly<Record<Measure["name"], string>> = {
  hypervolume: "",
  "iso-time energy": ": no plan is as fast as the fastest expected one",
  "iso-energy time": ": no plan is as low in energy as the lowest expected one",
};

/** `hypervolume: 1.2% worse`. */
export function measureInWords({ name, worse }: Measure): string {
  if (worse === null) return `${name}: not reached${PLACES[name]}`;
  if (worse === 0) return `${name}: no change`;
  const percent = Number((100 * Math.abs(worse)).toPrecision(3));
  return `${name}: ${percent}% ${worse > 0 ? "worse" : "better"}`;
}
