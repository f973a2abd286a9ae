import { duration, plural, scaled } from "../base/units.js";
import type { SearchFile } from "../plan/search.js";
import type { TableRow } from "../profile/table.js";
import { type Column, table } from "./table.js";

const REASONS: Readonly<Record<SearchFile["stop"], string>> = {
  budget: "the budget is spent",
  converged: "measuring more no longer pays",
  exhausted: "every row is evaluated",
};

/** What `search` says when it is done: how much it evaluated, why it ended, the frontier. */
export function searchSummary(rows: readonly TableRow[], found: SearchFile): string {
  const { evaluated, frontier, stop } = found;
  const names = [...new Set(rows.flatMap(({ settings }) => [...settings.keys()]))];
  const columns: readonly Column[] = [
    ["row", "right"],
    ...names.map((name): Column => [name, "right"]),
    ["time", "right"],
    ["energy", "right"],
  ];
  const lines = frontier.flatMap((index) => {
    const row = rows[index];
    if (row === undefined) return [];
    const settings = names.map((name) => String(row.settings.get(name) ?? "-"));
    return [[index, ...settings, duration(row.time_s), scaled(row.energy_j, "J")]];
  });
  const head = `${evaluated.length} of ${plural(rows.length, "row")} evaluated: ${REASONS[stop]}`;
  return `${head}\n\n${table(columns, lines)}`;
}
