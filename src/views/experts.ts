import type { ExpertsFile } from "../plan/experts.js";
import { type Column, table } from "./table.js";

const COLUMNS: readonly Column[] = [
  ["experts lie", "left"],
  ["busiest over mean", "right"],
  ["at least", "right"],
  ["dropped", "right"],
];

/** What `experts` says: how busy the busiest rank is under each placement. */
export function expertsSummary({ placements }: ExpertsFile): string {
  const rows = placements.map(({ placement, expert_load, bound, dropped }) => [
    placement,
    expert_load.toFixed(3),
    bound.toFixed(3),
    `${(100 * dropped).toFixed(1)}%`,
  ]);
  const flags = placements.map(({ expert_load }) => `--expert-load ${expert_load.toFixed(3)}`);
  return `${table(COLUMNS, rows)}\nWhat each saves: kareus optimize with ${flags.join(", ")}.\n`;
}
