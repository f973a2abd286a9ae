import { need } from "../base/need.js";
import { plural, scaled, span } from "../base/units.js";
import type { SchedulePoint } from "../fleet/play.js";
import type { Trace } from "../fleet/trace.js";
import type { ScheduleFile } from "../plan/schedule.js";
import { beyondSentence } from "./beyond.js";
import { money } from "./bill.js";
import { type Column, table } from "./table.js";

type Totals = ScheduleFile["totals"];

const WORDS = {
  fastest: "always the fastest point",
  knee: "always the knee",
  "fixed-power-limit": "the slowest one point that ends in time",
} as const;

const SLOTS: readonly Column[] = [
  ["from", "left"],
  ["runs", "left"],
  ["intensity", "right"],
  ["price", "right"],
  ["cap", "right"],
];

/** What `schedule` says: the slots, the totals, and what it saves against choosing once. */
export function scheduleSummary(
  schedule: ScheduleFile,
  points: readonly SchedulePoint[],
  trace: Trace,
): string {
  const { totals, optimum, minimize, forecast, settled, beyond_gpus, gpus } = schedule;
  const powers = new Map(points.map(({ id, power_w }) => [id, power_w]));
  const slots = new Map(trace.slots.map((slot) => [slot.start_s, slot]));
  const rows = schedule.slots.map(({ start_s, runs }) => {
    const slot = need(slots, start_s);
    const words = runs.map(({ point, iterations }) => {
      const power_w = need(powers, point);
      return `point ${point}: ${plural(iterations, "iteration")} at ${scaled(power_w, "W")}`;
    });
    return [
      moment(start_s, trace),
      words.length === 0 ? "waits" : words.join(", then "),
      slot.carbon_g_per_kwh === null ? "-" : `${slot.carbon_g_per_kwh} g/kWh`,
      slot.price_per_kwh === null ? "-" : `${slot.price_per_kwh} /kWh`,
      slot.power_w === null ? "-" : scaled(slot.power_w, "W"),
    ];
  });
  const used = SLOTS.map((_, column) => rows.some((row) => row[column] !== "-"));
  const kept = <T>(values: readonly T[]) => values.filter((_, column) => used[column]);
  const lines = [
    ...(settled === undefined ? [] : [`The trace: ${settled.join("; ")}.\n`]),
    table(kept(SLOTS), rows.map(kept)),
    `${plural(totals.iterations, "iteration")}${gpus === undefined ? "" : ` of ${plural(gpus, "GPU")}`}, done ${moment(totals.end_s, trace)}: ${inWords(totals)}.`,
    ...schedule.baselines.map(({ name, totals: theirs }) =>
      theirs === null
        ? `Against ${WORDS[name]}: that does not end in time.`
        : `Against ${WORDS[name]}: ${saving(totals, theirs, minimize)}.`,
    ),
    ...(forecast === undefined ? [] : [regretInWords(forecast, minimize)]),
    `The continuous optimum takes ${inWords(optimum)}.`,
    ...(beyond_gpus === undefined ? [] : [beyondSentence(beyond_gpus)]),
  ];
  return `${lines.join("\n")}\n`;
}

function regretInWords(
  { by, hindsight, regret }: NonNullable<ScheduleFile["forecast"]>,
  minimize: ScheduleFile["minimize"],
): string {
  const more = regret === null ? "" : `, a regret of ${(100 * regret).toFixed(1)}% in ${minimize}`;
  return `Planned anew in every slot by ${by}; with hindsight it takes ${inWords(hindsight)}${more}.`;
}

function moment(time_s: number, { origin_s }: Trace): string {
  if (origin_s === null) return `at ${Number(time_s.toPrecision(9))} s`;
  return new Date(Math.round((origin_s + time_s) * 1000)).toISOString().replace(".000Z", "Z");
}

function inWords({ energy_j, carbon_g, cost }: Totals): string {
  const parts = [
    scaled(energy_j, "J"),
    ...(carbon_g === null ? [] : [`${scaled(carbon_g, "g")} of CO2`]),
    ...(cost === null ? [] : [`${money(cost)} of the trace's money`]),
  ];
  return parts.join(", ");
}

function saving(ours: Totals, theirs: Totals, minimize: ScheduleFile["minimize"]): string {
  const value = { carbon: "carbon_g", cost: "cost", energy: "energy_j" } as const;
  const [mine, other] = [ours[value[minimize]], theirs[value[minimize]]];
  const later_s = ours.end_s - theirs.end_s;
  const when =
    later_s === 0
      ? "at the same time"
      : `${span(Math.abs(later_s))} ${later_s > 0 ? "later" : "earlier"}`;
  if (mine === null || other === null || other === 0) return when;
  const percent = 100 * (1 - mine / other);
  return `${Math.abs(percent).toFixed(1)}% ${percent >= 0 ? "less" : "more"} ${minimize}, done ${when}`;
}
