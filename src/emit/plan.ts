import { need } from "../base/need.js";
import { remembered } from "../base/remembered.js";
import { partsInProportion, type TimeParts } from "../cost/index.js";
import type {
  ChosenUse,
  Configuration,
  Evaluation,
  InstructionOption,
} from "../ir/configuration.js";
import type { IterationPoint, TimedInstruction } from "../ir/iteration.js";
import {
  type Communication,
  type PartitionedGraph,
  type PartitionType,
  queuedSlots,
} from "../ir/partition.js";
import { longestSwitch } from "../ir/switch-time.js";
import { gpusPerStage } from "../plan/gpus.js";
import type { PlanCost, PlanFile, PlanInstruction } from "../plan/plan.js";
import type { ExpectedError } from "../plan/shared.js";
import { type ErrorOf, planErrors } from "./expected-error.js";
import type { RunFacts } from "./facts.js";
import { type UsesOf, usesOnce } from "./uses.js";
import { partitionWork } from "./work.js";

type Parts = (partition: PartitionType, configuration: Configuration) => TimeParts;
type PlanConfiguration = PlanFile["configurations"][number];
type PlanUse = PlanInstruction["use"][number];

type RunCost = Omit<PlanCost, "configuration">;

/** What runs cost, and the model's parts of their time in proportion: worked out once for all plans of a run. */
function costsOnce(parts: Parts): (type: PartitionType, evaluation: Evaluation) => RunCost {
  const known = new Map<Evaluation, RunCost>();
  return (type, evaluation) =>
    remembered(known, evaluation, ({ freq_mhz, source, time_s, energy_j }) => {
      const own = partsInProportion(parts(type, evaluation), time_s);
      return { freq_mhz, source, time_s, energy_j, ...own };
    });
}

/** What the plans of one run share. */
interface Shared {
  readonly graph: PartitionedGraph;
  readonly facts: RunFacts;
  readonly usesOf: UsesOf;
  readonly costOf: ReturnType<typeof costsOnce>;
}

/** Numbers configurations as they come, equal ones once. */
class Configurations {
  readonly list: PlanConfiguration[] = [];
  readonly costs = new Map<string, PlanCost>();
  readonly #known = new Map<Evaluation, number>();
  readonly #ids = new Map<string, number>();
  readonly #shared: Pick<Shared, "graph" | "costOf">;

  constructor(shared: Pick<Shared, "graph" | "costOf">) {
    this.#shared = shared;
  }

  /** The id of a use's configuration; what it costs at its clock is kept. */
  id({ evaluation }: ChosenUse): number {
    const known = this.#known.get(evaluation);
    if (known !== undefined) return known;
    const type = need(this.#shared.graph.partitions, evaluation.partition);
    const id = this.#idOf(type, evaluation);
    this.#known.set(evaluation, id);
    const key = `${id} ${evaluation.freq_mhz}`;
    if (!this.costs.has(key)) {
      this.costs.set(key, { configuration: id, ...this.#shared.costOf(type, evaluation) });
    }
    return id;
  }

  #idOf(type: PartitionType, evaluation: Evaluation): number {
    const { partition, launch_slot, sms, order } = evaluation;
    const key = JSON.stringify([partition, launch_slot, sms, order]);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.list.length;
    this.#ids.set(key, id);
    const slots = queuedSlots(type, evaluation);
    const queued_slots = slots.length > 0 ? { queued_slots: [...slots] } : {};
    const kept = order ? [...order] : null;
    this.list.push({ id, partition, launch_slot, ...queued_slots, sms, order: kept });
    return id;
  }
}

/**
 * The contents of the plan.json files of a run: each a discrete plan, spelled out for a runtime.
 * @param parts what the time of a run is made of, as a model plays it
 * @returns asked for a point, its id in frontier.json, and the points that it is one of; none: it is of none
 */
export function planFiles(
  graph: PartitionedGraph,
  facts: RunFacts,
  parts: Parts,
  usesOf = usesOnce(),
  errorOf: ErrorOf = planErrors(facts.expected_error, usesOf),
): (point: IterationPoint, id: number, frontier?: readonly IterationPoint[]) => PlanFile {
  const shared = { graph, facts, usesOf, costOf: costsOnce(parts) };
  return (point, id, frontier = []) => planFile(point, id, frontier, shared, errorOf(point));
}

function planFile(
  point: IterationPoint,
  id: number,
  frontier: readonly IterationPoint[],
  shared: Shared,
  expected_error: ExpectedError | null,
): PlanFile {
  const { facts, graph } = shared;
  const configurations = new Configurations(shared);
  // Microbatches of a stage mostly choose the same option.
  const known = new Map<readonly ChosenUse[], PlanUse[]>();
  const usesOf = (option: InstructionOption): PlanUse[] => {
    const own = shared.usesOf(option);
    const uses = known.get(own) ?? mergeUses(own, configurations);
    known.set(own, uses);
    return uses;
  };
  const stages = point.instructions.map((instructions, stage) => ({
    stage,
    instructions: instructions.map((each) => planInstruction(each, usesOf(each.option))),
  }));
  const clocks = new Set(stages.flatMap((entry) => entry.instructions.map((i) => i.freq_mhz)));
  const keys = new Set(configurations.list.map((configuration) => configuration.partition));
  const types = [...keys].map((key) => need(graph.partitions, key));
  const gpus = gpusPerStage(facts.parallelism);
  return {
    format: "kareus-plan",
    version: 2,
    graph: facts.graph,
    gpu: { ...facts.gpu, clocks_mhz: [...clocks].sort((a, b) => a - b) },
    parallelism: facts.parallelism,
    told: facts.told,
    static_power_w: facts.static_power_w,
    ...(facts.transfer_s > 0 ? { transfer_s: facts.transfer_s } : {}),
    ...(longestSwitch(facts.switch_time_s) > 0 ? { switch_time_s: facts.switch_time_s } : {}),
    point: { id, time_s: point.time_s, energy_j: point.energy_j * gpus },
    ...(expected_error === null ? {} : { expected_error }),
    workload: facts.workload,
    ...(frontier.length === 0 ? {} : { frontier: frontier.map(pointOf(gpus)) }),
    ...(facts.control === "all" ? {} : { control: facts.control }),
    partitions: types.map(planPartition),
    work: types.map(partitionWork),
    configurations: configurations.list,
    costs: [...configurations.costs.values()].sort(
      (a, b) => a.configuration - b.configuration || a.freq_mhz - b.freq_mhz,
    ),
    stages,
  };
}

/** A point of the frontier by its number, energies of a whole replica. */
function pointOf(gpus: number) {
  return ({ time_s, energy_j, lower_bound_j }: IterationPoint, id: number) => ({
    id,
    time_s,
    energy_j: energy_j * gpus,
    lower_bound_j: lower_bound_j * gpus,
  });
}

function planPartition(type: PartitionType): PlanFile["partitions"][number] {
  const { key, direction, slots, communication, queued = [] } = type;
  const moved = ({ kind, size_bytes, group }: Communication) => ({ kind, size_bytes, group });
  return {
    key,
    direction,
    slots: slots.map(({ name, nodes }) => ({ name, nodes: [...nodes] })),
    communication: communication && moved(communication),
    ...(queued.length > 0 ? { queued: queued.map(moved) } : {}),
  };
}

function planInstruction(instruction: TimedInstruction, use: PlanUse[]): PlanInstruction {
  const { kind, microbatch, chunk, option, start_s } = instruction;
  return {
    kind,
    microbatch,
    chunk,
    freq_mhz: option.freq_mhz,
    execution: option.execution,
    use,
    start_s,
    time_s: option.time_s,
    energy_j: option.energy_j,
    ...(option.launch_time_s && { launch_time_s: option.launch_time_s }),
    ...(option.switched && { switch_from_mhz: option.switched.from_mhz }),
  };
}

/**
 * One entry per configuration and nanobatch, in order of first use, its layers ascending. A layer
 * that runs a configuration twice is listed twice; work outside layers keeps an entry per run.
 */
function mergeUses(uses: readonly ChosenUse[], configurations: Configurations): PlanUse[] {
  const merged: PlanUse[] = [];
  // Nanobatches 0 and 1, or none of them.
  const byKey = new Map<number, PlanUse>();
  for (const chosen of uses) {
    const configuration = configurations.id(chosen);
    const { layers, nanobatch } = chosen;
    const key = 3 * configuration + (nanobatch ?? 2);
    const known = layers.length > 0 ? byKey.get(key) : undefined;
    if (known) {
      known.layers.push(...layers);
      continue;
    }
    const entry = { configuration, layers: [...layers], nanobatch };
    merged.push(entry);
    if (layers.length > 0) byKey.set(key, entry);
  }
  for (const { layers } of merged) layers.sort((a, b) => a - b);
  return merged;
}
