import { grouped } from "../../base/grouped.js";
import { at, byDefault, need } from "../../base/need.js";
import { rounded } from "../../base/rounded.js";
import type { Evaluation } from "../../ir/configuration.js";
import { nameOf } from "../../ir/configuration.js";
import { spread } from "../../math/spread.js";
import type { DetailsFile } from "../../plan/details.js";
import type { FrontierFile } from "../../plan/frontier.js";
import { type PlanFile, writePlan } from "../../plan/plan.js";
import { knee } from "../../plan/select.js";
import { advisedPoint } from "../advice.js";
import { BASELINE_TITLES, rivalOf } from "../gains.js";
import { partitionNames } from "../partition-names.js";
import { cloudOf } from "./cloud.js";
import type { DrawnConfiguration, DrawnPartition, DrawnRun, ReportData } from "./model.js";
import { type Chosen, drawnPlan, lanesOf, Numbering } from "./plans.js";
import { causesOf, drawnBaseline, sizesOf } from "./rivals.js";
import { savedPlans } from "./saved.js";

/** What a run's folder holds; what is missing there is shown as missing. */
export interface ReportInput {
  readonly frontier: FrontierFile;
  readonly plans: readonly PlanFile[];
  /** One cost for each configuration. */
  readonly evaluations: readonly Evaluation[];
  readonly details: DetailsFile | null;
  /** What the run is called among others, and its folder as the user wrote it. */
  readonly label?: string;
  readonly folder?: string;
  /** The text of a plan's file, where it is known already. */
  readonly textOf?: (plan: PlanFile) => string;
  /** Other runs whose frontiers are drawn too, by what they are called. */
  readonly others?: readonly { readonly label: string; readonly frontier: FrontierFile }[];
}

/** Evaluations drawn of all partition types together, about; beyond it all clouds are thinned alike. */
const MOST_DRAWN = 10_000;
const LEAST_OF_ONE = 200;

/** Instructions drawn of all plans together, about: 100 plans of 16 stages and 64 microbatches. */
const MOST_INSTRUCTIONS = 200_000;

/** The data of a report: the same input, the same data. */
export function reportData(input: ReportInput): ReportData {
  const { frontier, plans, details, label = "Searched", textOf = writePlan } = input;
  const { points, static_power_w } = frontier;
  const partitions = drawnPartitions(input);
  const { numberOf, configurations } = configurationsOf(input, partitions);
  const small = new Map(fewPlans(plans).map((plan) => [plan.point.id, plan]));
  const drawn = points.map(({ id }) => {
    const plan = small.get(id);
    return plan === undefined ? null : drawnPlan(plan, numberOf);
  });
  const held = new Set(plans.map((plan) => plan.point.id));
  const bend = indexOf(points, knee);
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
    causes: points.map(({ id }) => {
      const plan = small.get(id);
      return plan === undefined ? null : causesOf(plan);
    }),
    saved: savedPlans(
      points.map(({ id }) => id),
      bend,
      plans,
      textOf,
    ),
    ...sizesOf(frontier.parallelism),
    peak_memory_bytes: frontier.peak_memory_bytes ?? [],
    static_power_w,
    sm_count: details?.sm_count ?? null,
    clocks_mhz: clocksOf(input),
    lanes: lanesOf(plans),
    plans: drawn,
    left_out: points.flatMap(({ id }, i) => (held.has(id) && !small.has(id) ? [i] : [])),
    configurations,
    partitions,
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

/** Numbers configurations as plans come to them; the list grows meanwhile. */
function configurationsOf(
  { evaluations, details }: ReportInput,
  partitions: readonly DrawnPartition[],
) {
  const partitionOf = new Map(partitions.map(({ key }, index) => [key, index]));
  // Plans say themselves what their runs cost; those of older files do not.
  let evaluated: ReadonlyMap<string, Evaluation> | null = null;
  const evaluatedAt = (name: string) => {
    evaluated ??= new Map(evaluations.map((each) => [nameOf(each.partition, each), each]));
    return evaluated.get(name);
  };
  const runs = drawnRuns(details);
  const numbering = new Numbering<DrawnConfiguration>();
  const numberOf = (chosen: Chosen) => {
    const name = nameOf(chosen.partition, chosen);
    return numbering.numberOf(name, () => {
      const { partition, freq_mhz, launch_slot, sms, order } = chosen;
      const [cost, run = null] = [chosen.cost ?? evaluatedAt(name), runs.get(name)];
      return {
        partition: need(partitionOf, partition),
        freq_mhz,
        launch_slot,
        sms,
        order,
        run,
        cost: cost === undefined ? null : costOf(cost),
      };
    });
  };
  return { numberOf, configurations: numbering.list };
}

/** A point that one picks, by index. */
function indexOf(points: FrontierFile["points"], pick: typeof knee): number {
  return points.length === 0 ? 0 : points.indexOf(pick(points));
}

/** As many plans as a page can hold, evenly spread. */
function fewPlans(plans: readonly PlanFile[]): readonly PlanFile[] {
  const stages = plans[0]?.stages ?? [];
  const instructions = stages.reduce((sum, stage) => sum + stage.instructions.length, 0);
  return spread(plans, Math.max(2, Math.floor(MOST_INSTRUCTIONS / Math.max(1, instructions))));
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

/** What a plan says of a cost; of an older plan, what the evaluation says. */
function costOf(cost: NonNullable<Chosen["cost"]> | Evaluation): DrawnConfiguration["cost"] {
  const { time_s, energy_j, source } = cost;
  const parts =
    "compute_s" in cost
      ? {
          compute_s: rounded(cost.compute_s),
          contention_s: rounded(cost.contention_s),
          exposed_communication_s: rounded(cost.exposed_communication_s),
          throttling_s: rounded(cost.throttling_s),
        }
      : null;
  return { time_s: rounded(time_s), energy_j: rounded(energy_j), source, parts };
}

function clocksOf({ plans, evaluations }: ReportInput): number[] {
  const planned = plans.flatMap((plan) => plan.gpu.clocks_mhz);
  const clocks = new Set([...planned, ...evaluations.map(({ freq_mhz }) => freq_mhz)]);
  return [...clocks].sort((a, b) => a - b);
}

/** Every partition type that a plan uses, in order of first use. */
function drawnPartitions({ frontier, plans, evaluations, details }: ReportInput): DrawnPartition[] {
  const types = new Map(plans.flatMap((plan) => plan.partitions).map((type) => [type.key, type]));
  const byKey = grouped(evaluations, ({ partition }) => partition);
  const names = new Map(plans.flatMap((plan) => [...partitionNames(plan)]));
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

function drawnRuns(details: DetailsFile | null): Map<string, DrawnRun> {
  const runs = (details?.partitions ?? []).flatMap(({ key, runs }) =>
    runs.map((run): [string, DrawnRun] => {
      const { clock_mhz, time_s, energy_j, bandwidth_bytes_per_s, pieces } = run;
      const drawn = { clock_mhz, bandwidth_bytes_per_s: rounded(bandwidth_bytes_per_s), pieces };
      return [nameOf(key, run), { ...drawn, time_s: rounded(time_s), energy_j: rounded(energy_j) }];
    }),
  );
  return new Map(runs);
}
