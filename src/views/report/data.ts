import { grouped } from "../../base/grouped.js";
import { at, byDefault, need } from "../../base/need.js";
import type { Evaluation } from "../../ir/configuration.js";
import type { DetailsFile } from "../../plan/details.js";
import type { FrontierFile } from "../../plan/frontier.js";
import { knee } from "../../plan/select.js";
import { advisedPoint } from "../advice.js";
import { BASELINE_TITLES, rivalOf } from "../gains.js";
import { cloudOf } from "./cloud.js";
import type { DrawnPlans } from "./drawn-plans.js";
import type { DrawnPartition, ReportData } from "./model.js";
import { drawnBaseline, sizesOf } from "./rivals.js";
import { savedPlans } from "./saved.js";

/** What a run's folder holds beside its plans; what is missing there is shown as missing. */
export interface ReportInput {
  readonly frontier: FrontierFile;
  /** One cost for each configuration. */
  readonly evaluations: readonly Evaluation[];
  readonly details: DetailsFile | null;
  /** What the run is called among others, and its folder as the user wrote it. */
  readonly label?: string;
  readonly folder?: string;
  /** Other runs whose frontiers are drawn too, by what they are called. */
  readonly others?: readonly { readonly label: string; readonly frontier: FrontierFile }[];
}

/** Evaluations drawn of all partition types together, about; beyond it all clouds are thinned alike. */
const MOST_DRAWN = 10_000;
const LEAST_OF_ONE = 200;

/**
 * The data of a report: the same input, the same data.
 * @param textOf the text of the file of a point's plan
 */
export function reportData(
  input: ReportInput,
  drawn: DrawnPlans,
  textOf: (id: number) => string,
): ReportData {
  const { frontier, details, label = "Searched" } = input;
  const { points, static_power_w } = frontier;
  const bend = indexOf(points, knee);
  const ofPoints = <T>(known: ReadonlyMap<number, T>): (T | null)[] =>
    points.map(({ id }) => byDefault(known.get(id), null));
  return {
    label,
    folder: byDefault(input.folder, null),
    points: points.map(({ id, time_s, energy_j, lower_bound_j, average_power_w, plan }) => ({
      id,
      time_s,
      energy_j,
      lower_bound_j,
      average_power_w,
      plan,
    })),
    ...rivalsOf(input),
    knee: bend,
    advised: indexOf(points, () => advisedPoint(frontier)),
    causes: ofPoints(drawn.causes),
    saved: savedPlans(
      points.map(({ id }) => id),
      bend,
      drawn,
      textOf,
    ),
    ...sizesOf(frontier.parallelism),
    peak_memory_bytes: frontier.peak_memory_bytes ?? [],
    static_power_w,
    sm_count: details?.sm_count ?? null,
    clocks_mhz: clocksOf(input, drawn),
    lanes: drawn.lanes,
    plans: ofPoints(drawn.plans),
    left_out: points.flatMap(({ id }, i) =>
      drawn.held.has(id) && !drawn.plans.has(id) ? [i] : [],
    ),
    configurations: drawn.configurations,
    partitions: drawnPartitions(input, drawn),
  };
}

/** What the frontier is compared with: baselines, other runs, and what advice is against. */
function rivalsOf({ frontier, details, others = [] }: ReportInput) {
  const baselines = frontier.baselines.map(({ name, points }) => ({
    label: BASELINE_TITLES[name],
    points,
    fastest: drawnBaseline(details, name),
  }));
  const lines = others.map(({ label, frontier: { points } }) => ({
    label,
    points: points.map(({ time_s, energy_j }) => ({ time_s, energy_j })),
  }));
  return { baselines, others: lines, rival: rivalOf(frontier) };
}

/** A point that one picks, by index. */
function indexOf(points: FrontierFile["points"], pick: typeof knee): number {
  return points.length === 0 ? 0 : points.indexOf(pick(points));
}

/** By clock, SMs, launch and order, whatever order a search evaluated them in. */
function inOrder(evaluations: readonly Evaluation[]): Evaluation[] {
  const keyed = evaluations.map((each) => {
    const { launch_slot, order } = each;
    return { each, rest: JSON.stringify([launch_slot, order ?? null]) };
  });
  keyed.sort(
    (a, b) =>
      a.each.freq_mhz - b.each.freq_mhz ||
      a.each.sms - b.each.sms ||
      (a.rest < b.rest ? -1 : Number(a.rest > b.rest)),
  );
  return keyed.map(({ each }) => each);
}

function clocksOf({ evaluations }: ReportInput, { clocks_mhz }: DrawnPlans): number[] {
  const clocks = new Set([...clocks_mhz, ...evaluations.map(({ freq_mhz }) => freq_mhz)]);
  return [...clocks].sort((a, b) => a - b);
}

/** Every partition type that a plan uses, in order of first use. */
function drawnPartitions(
  { frontier, evaluations, details }: ReportInput,
  { types, names }: DrawnPlans,
): DrawnPartition[] {
  const byKey = grouped(evaluations, ({ partition }) => partition);
  const kernels = new Map((details?.partitions ?? []).map((type) => [type.key, type.kernels]));
  const share = MOST_DRAWN / Math.max(1, evaluations.length);
  const mostOf = (count: number) => Math.max(LEAST_OF_ONE, Math.ceil(count * share));
  return [...types.values()].map(({ key, direction, slots, communication, queued = [] }) => {
    const own = byKey.get(key);
    const slotNames = slots.map(({ name }) => name);
    return {
      key,
      name: need(names, key),
      direction,
      slots: slots.map(({ name, nodes }) => ({ name, node: at(nodes, 0) })),
      communications: (communication === null ? [] : [communication, ...queued]).map(
        ({ kind, size_bytes }) => ({ kind, size_bytes }),
      ),
      kernels: (kernels.get(key) ?? []).map(({ slot, shape }) => ({ slot, shape })),
      cloud:
        own === undefined
          ? null
          : cloudOf(inOrder(own), slotNames, frontier.static_power_w, mostOf(own.length)),
    };
  });
}
