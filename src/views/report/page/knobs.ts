import { at } from "../../../base/need.js";
import { duration } from "../../../base/units.js";
import type { DrawnConfiguration, DrawnPlan, ReportData } from "../model.js";
import { byId, element, table } from "./dom.js";
import { launchOf, orderOf } from "./words.js";

/** A configuration that a plan uses, how often, and the time of one GPU that it takes in all. */
export interface Knob {
  readonly index: number;
  readonly configuration: DrawnConfiguration;
  readonly runs: number;
  /** NaN where its cost is not known. */
  readonly total_s: number;
}

/** What a plan uses, what takes longest first. */
export function knobsOf(plan: DrawnPlan | null, { configurations }: ReportData): Knob[] {
  const knobs = (plan?.knobs ?? []).map(([index, runs]) => {
    const configuration = at(configurations, index);
    const each_s = configuration.cost?.time_s ?? configuration.run?.time_s ?? Number.NaN;
    return { index, configuration, runs, total_s: runs * each_s };
  });
  return knobs.sort((a, b) => (b.total_s || 0) - (a.total_s || 0));
}

const COLUMNS = [
  ["partition", "text"],
  ["clock", "number"],
  ["communication starts at", "text"],
  ["its SMs", "number"],
  ["order", "text"],
  ["runs", "number"],
  ["time of one", "number"],
  ["share of time", "number"],
  ["cost is", "text"],
] as const;

/** The table of what runs. `choose` gets the configuration that is clicked; `lack` is shown when there are no rows. */
export function showKnobs(
  knobs: readonly Knob[],
  { partitions }: ReportData,
  choose: (index: number) => void,
  lack: string,
): void {
  const whole_s = knobs.reduce((sum, { total_s }) => sum + (total_s || 0), 0);
  const rows = knobs.map(({ index, configuration, runs, total_s }) => {
    const partition = at(partitions, configuration.partition);
    const { freq_mhz, launch_slot, sms, cost } = configuration;
    const button = element("button", { type: "button", className: "link" }, partition.name);
    button.addEventListener("click", () => {
      choose(index);
      byId("partition-title").scrollIntoView();
      byId("configuration-choice").focus({ preventScroll: true });
    });
    return [
      button,
      `${freq_mhz} MHz`,
      launchOf(partition, launch_slot),
      partition.communications.length === 0 ? "-" : String(sms),
      orderOf(configuration, partition),
      String(runs),
      cost === null ? "not available" : duration(cost.time_s),
      total_s >= 0 ? `${((100 * total_s) / whole_s).toFixed(1)}%` : "-",
      cost?.source ?? "not available",
    ];
  });
  const shown =
    rows.length === 0 ? element("p", { className: "note" }, lack) : table(COLUMNS, rows);
  shown.querySelectorAll("tbody tr").forEach((row, k) => {
    row.classList.toggle("unprinted", k >= PRINTED);
  });
  byId("knob-table").replaceChildren(shown, ...leftOut(knobs, whole_s));
}

/** Lines that go on paper: a plan of a deep pipeline has pages of them, the last ones short. */
const PRINTED = 20;

/** On paper, how many lines are left out and what they take. */
function leftOut(knobs: readonly Knob[], whole_s: number): HTMLElement[] {
  const rest = knobs.slice(PRINTED);
  if (rest.length === 0) return [];
  const left_s = rest.reduce((sum, { total_s }) => sum + (total_s || 0), 0);
  const words = `and ${rest.length} more that take ${((100 * left_s) / whole_s).toFixed(1)}% of the time, on the page itself`;
  return [element("p", { className: "note printed" }, words)];
}
