import { duration, scaled } from "../base/units.js";
import type { AllocationFile } from "../plan/allocation.js";
import { type Column, table } from "./table.js";

const COLUMNS: readonly Column[] = [
  ["job", "left"],
  ["GPUs", "right"],
  ["point", "right"],
  ["time", "right"],
  ["power", "right"],
];

type Choice = Pick<
  AllocationFile,
  "jobs" | "power_w" | "throughput" | "bound" | "bound_w" | "lead_s" | "power_cap_w"
>;

/** What `allocate` says: the point of each job, and how near the choice is to the bound. */
export function allocationSummary(file: AllocationFile): string {
  if (file.slots === undefined) return choiceInWords(file);
  return file.slots
    .map((slot) => `From ${slot.start_s} s to ${slot.end_s} s:\n${choiceInWords(slot)}`)
    .join("\n");
}

function choiceInWords(choice: Choice): string {
  const { jobs, power_w, throughput, bound, bound_w, lead_s, power_cap_w } = choice;
  const rows = jobs.map(({ name, gpus, point, time_s, power_w: own_w }) => [
    name,
    gpus === undefined ? "-" : gpus,
    point === null ? "waits" : point,
    time_s === null ? "-" : duration(time_s),
    scaled(own_w, "W"),
  ]);
  const total = `${scaled(power_w, "W")}${power_cap_w === null ? "" : ` of ${scaled(power_cap_w, "W")}`}`;
  const gap = bound === 0 ? 0 : 100 * (1 - throughput / bound);
  const near =
    bound_w === undefined
      ? `throughput ${throughput.toPrecision(4)}, at most ${gap.toFixed(2)}% below what any choice of points reaches`
      : `no mixture of points does these rates with less than ${scaled(bound_w, "W")}`;
  const lead = lead_s ? `Jobs must hear of it ${duration(lead_s)} before.\n` : "";
  return `${table(COLUMNS, rows)}\n${total}; ${near}.\n${lead}`;
}
