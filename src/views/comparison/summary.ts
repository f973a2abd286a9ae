import type { DifferenceFile, Setting } from "../../plan/difference.js";
import { measureInWords, quantityInWords } from "./words.js";

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

function settingInWords({ point, where, what }: Setting): string {
  return `${point === null ? "" : `${point} plan, `}${where}: ${what}`;
}
