import { duration, plural, scaled } from "../base/units.js";
import type { FrontierFile, FrontierPoint } from "../plan/frontier.js";
import { gainSentence, gainsOf } from "./gains.js";
import { type Column, spread, table } from "./table.js";

const ROWS = 8;

const COLUMNS: readonly Column[] = [
  ["id", "right"],
  ["time", "right"],
  ["energy", "right"],
  ["average power", "right"],
  ["above the bound", "right"],
];

/** What `optimize` says when it is done: a few points, and what they save. */
export function frontierSummary(frontier: FrontierFile): string {
  const { graph, gpu, points } = frontier;
  const lines = [`${graph.name} on ${gpu}: ${plural(points.length, "point")}`];
  lines.push("", table(COLUMNS, spread(points, ROWS).map(row)));
  return `${lines.join("\n")}\n${gainsOf(frontier).map(gainSentence).join("\n")}\n`;
}

function row(point: FrontierPoint): readonly (string | number)[] {
  const above = point.energy_j / point.lower_bound_j - 1;
  return [
    point.id,
    duration(point.time_s),
    scaled(point.energy_j, "J"),
    scaled(point.average_power_w, "W"),
    Number.isFinite(above) ? `${(above * 100).toFixed(2)}%` : "-",
  ];
}
