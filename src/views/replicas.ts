import { duration, scaled } from "../base/units.js";
import type { ReplicasFile } from "../plan/replicas.js";
import { type Column, table } from "./table.js";

const COLUMNS: readonly Column[] = [
  ["part", "left"],
  ["point", "right"],
  ["time", "right"],
  ["replicas", "right"],
  ["GPUs", "right"],
  ["busy", "right"],
  ["power", "right"],
];

/** What `replicas` says: how each part runs, and what all draw together. */
export function replicasSummary({ parts, gpus, power_w }: ReplicasFile): string {
  const rows = parts.map(({ name, point, time_s, replicas, gpus: own, busy, power_w: own_w }) => [
    ...[name, point, duration(time_s), replicas, own],
    ...[`${(100 * busy).toFixed(0)}%`, scaled(own_w, "W")],
  ]);
  const total = `${scaled(power_w, "W")} on ${gpus} ${gpus === 1 ? "GPU" : "GPUs"}`;
  return `${table(COLUMNS, rows)}\n${total}. Runs that wait for a free replica are not in the times.\n`;
}
