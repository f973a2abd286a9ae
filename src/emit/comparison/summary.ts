import { duration, scaled } from "../../base/units.js";
import type { DifferenceFile, Quantity, Setting } from "../../plan/difference.js";
import { changeInWords, measureInWords } from "./words.js";

/** Settings that are listed. */
const MOST = 24;

/** What `diff` says: what moved, why, and what is set otherwise. */
export function differenceSummary(found: DifferenceFile): string {
  if (found.same) return `The ${found.of} are the same.\n`;
  const { quantities, measures, reasons, settings } = found;
  const left = settings.length - MOST;
  const sections: readonly (readonly [string, readonly string[]])[] = [
    ["Moved, first to second:", quantities.map(quantityInWords)],
    ["The second against the first:", measures.map(measureInWords)],
    ["Why:", reasons.map(({ of, what }) => `${of}: ${what}`)],
    [
      "Set otherwise:",
      [
        ...settings.slice(0, MOST).map(settingInWords),
        ...(left > 0 ? [`and ${left} more; --json has all`] : []),
      ],
    ],
  ];
  const shown = sections.filter(([, lines]) => lines.length > 0);
  return `${shown.map(([title, lines]) => [title, ...lines.map((l) => `  ${l}`)].join("\n")).join("\n\n")}\n`;
}

function quantityInWords({ of, name, before, after, change }: Quantity): string {
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

function settingInWords({ point, where, what }: Setting): string {
  return `${point === null ? "" : `${point} plan, `}${where}: ${what}`;
}
