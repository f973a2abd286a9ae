import { grouped } from "../../base/grouped.js";
import { at } from "../../base/need.js";
import type { DifferenceFile, Setting } from "../../plan/difference.js";
import { measureInWords, quantityInWords } from "./words.js";

/** Settings that are listed. */
const MOST = 24;

/** What `diff` says: what moved, why, and what is set otherwise. */
export function differenceSummary(found: DifferenceFile): string {
  if (found.same) return `The ${found.of} are the same.\n`;
  const { other_work, quantities, measures, reasons, settings } = found;
  const listed = settingLines(settings);
  const left = listed.length - MOST;
  const sections: readonly (readonly [string, readonly string[]])[] = [
    ["Moved, first to second:", quantities.map(quantityInWords)],
    ["The second against the first:", measures.map(measureInWords)],
    ["Why:", reasons.map(({ of, what }) => `${of}: ${what}`)],
    [
      "Set otherwise:",
      [...listed.slice(0, MOST), ...(left > 0 ? [`and ${left} more; --json has all`] : [])],
    ],
  ];
  const shown = sections.filter(([, lines]) => lines.length > 0);
  const warned =
    other_work === null
      ? ""
      : `Not the same work for an iteration: ${other_work}. Its times and energies do not compare; kareus sweep\ncompares them for each sample.\n\n`;
  return `${warned}${shown.map(([title, lines]) => [title, ...lines.map((l) => `  ${l}`)].join("\n")).join("\n\n")}\n`;
}

/** A line for each setting; partition types that only one side runs share one. */
function settingLines(settings: readonly Setting[]): string[] {
  const groups = grouped(settings, ({ point, of, name, what }) =>
    of === "partitions" ? `${point} ${what}` : `${point} ${name} ${what}`,
  );
  return [...groups.values()].map((own) => {
    const { point, name, what } = at(own, 0);
    const plan = point === null ? "" : `${point} plan, `;
    if (own.length === 1) return `${plan}${name}: ${what}`;
    return `${plan}${own.length} partition types ${what.replace(/^runs/, "run")}`;
  });
}
