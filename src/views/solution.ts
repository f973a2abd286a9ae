import { duration, plural, scaled } from "../base/units.js";
import type { InstanceFile } from "../plan/instance.js";
import type { SolutionFile } from "../plan/solution.js";
import { aboveBound } from "./gains.js";
import { type Column, shownRows, table } from "./table.js";

const ROWS = 16;

const COLUMNS: readonly Column[] = [
  ["time", "right"],
  ["energy", "right"],
  ["average power", "right"],
  ["above the bound", "right"],
];

/** The result of `solve`: the frontier, or points evenly spread over it. */
export function solutionSummary(instance: InstanceFile, solution: SolutionFile): string {
  const { name, stages, microbatches, pipeline } = instance;
  const { points, energy_optimal_time_s } = solution;
  const size = `${stages} x ${microbatches} (stages x microbatches)`;
  const lines = [`${name}: ${pipeline}, ${size}: ${plural(points.length, "point")}`, ""];
  lines.push(table(COLUMNS, shownRows(points, ROWS).map(row)));
  lines.push(`Past ${duration(energy_optimal_time_s)} waiting costs more than it saves.`);
  if (points.length > ROWS) lines.push(`These are ${ROWS} of ${points.length}; --json has all.`);
  return `${lines.join("\n")}\n`;
}

function row(point: SolutionFile["points"][number]): string[] {
  const { time_s, energy_j } = point;
  return [
    duration(time_s),
    scaled(energy_j, "J"),
    time_s > 0 ? scaled(energy_j / time_s, "W") : "-",
    aboveBound(point),
  ];
}
