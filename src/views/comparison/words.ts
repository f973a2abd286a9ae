import { duration, scaled } from "../../base/units.js";
import type { Measure, MovedQuantity } from "../../plan/verification.js";

/** Smaller changes are the rounding of sums. */
const ROUNDING = 1e-12;

/** A relative change in words: `+0.98%`, `-12%`, `no change`; three significant digits. */
export function changeInWords(change: number): string {
  const percent = Number((100 * change).toPrecision(3));
  if (Math.abs(change) <= ROUNDING) return "no change";
  return `${percent > 0 ? "+" : ""}${percent}%`;
}

/** The first few of a list, and how many more there are. */
export function someOf(names: readonly string[], most = 3): string {
  const more = names.length - most;
  return `${names.slice(0, most).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
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

/** `fastest point: time 4.388 s to 4.400 s (+0.27%)`. */
export function quantityInWords({ of, name, before, after, change }: MovedQuantity): string {
  const label = name.replace(/_(s|j|w)$/, "").replaceAll("_", " ");
  const values = [before, after].map((value) => (value === null ? "none" : written(name, value)));
  const share = change === null ? "" : ` (${changeInWords(change)})`;
  return `${of.replaceAll("_", " ")}: ${label} ${values.join(" to ")}${share}`;
}

/** A value in the unit that its name ends with. */
function written(name: string, value: number): string {
  if (name.endsWith("_s")) return duration(value);
  if (name.endsWith("_j")) return scaled(value, "J");
  return name.endsWith("_w") ? scaled(value, "W") : String(value);
}
