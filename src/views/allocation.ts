import { duration, scaled } from "../base/units.js";
import type { AllocationFile } from "../plan/allocation.js";
import { type Column, table } from "./table.js";

const COLUMNS: readonly Column[] = [
  ["job", "left"],
  ["point", "right"],
  ["time", "right"],
  ["power", "right"],
];

type Choice = Pick<AllocationFile, "jobs" | "power_w" | "throughput" | "bound" | "power_cap_w">;

/** What `allocate` says: the point of each job, and how near the choice is to the bound. */
export function allocationSummary(file: AllocationFile): string {
  if (file.slots === undefined) return choiceInWords(file);
  return file.slots
    .map((slot) => `From ${slot.start_s} s to ${slot.end_s} s:\n${choiceInWords(slot)}`)
    .join("\n");
}

function choiceInWords({ jobs, power_w, throughput, bound, power_cap_w }: Choice): string {
  const rows = jobs.map(({ name, point, time_s, power_w: own_w }) => [
    name,
    point === null ? "waits" : point,
    time_s === null ? "-" : duration(time_s),
    scaled(own_w, "W"),
  ]);
  const gap = bound === 0 ? 0 : 100 * (1 - throughput / bound);
  const total = `${scaled(power_w, "W")} of ${scaled(power_cap_w, "W")}`;
  return `${table(COLUMNS, rows)}\n${total}; throughput ${throughput.toPrecision(4)}, at most ${gap.toFixed(2)}% below what any choice of points reaches.\n`;
}
