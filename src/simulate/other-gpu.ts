import { fail } from "../base/diagnostics/diagnostic.js";
import { malformedFile } from "../base/diagnostics/plan.js";
import { at } from "../base/need.js";
import { modelledOracle, partsInProportion } from "../cost/index.js";
import { deviceNames, loadDevice } from "../gpu/device.js";
import type { Device } from "../gpu/device-schema.js";
import type { Configuration, Cost } from "../ir/configuration.js";
import type { CollectiveKind } from "../ir/kernel-graph.js";
import type { PartitionType } from "../ir/partition.js";
import type { CostedPlan, PartitionWork, PlanCost, PlanFile } from "../plan/plan.js";
import { readWork } from "../profile/work.js";

/**
 * A plan as it would run on another GPU: every configuration as it is, at the searched clock of that
 * GPU that is nearest to the plan's, in MHz. What runs cost there is its model's word; where the
 * plan's costs follow measurements, times what those say that the model of their own GPU misses: then
 * it is extrapolated.
 * @param work of its partitions: the kernels; KRS4104 where they make no sense
 * @param where the file that they are in, for diagnostics
 */
export function onOtherGpu(
  plan: CostedPlan,
  work: readonly PartitionWork[],
  device: Device,
  where: string,
): CostedPlan {
  const types = new Map(plan.partitions.map((each) => [each.key, partitionOf(each, work, where)]));
  const configurations = new Map(plan.configurations.map((each) => [each.id, each]));
  const here = modelledOracle(device);
  const there = deviceNames().includes(plan.gpu.name)
    ? modelledOracle(loadDevice(plan.gpu.name))
    : null;
  const costOf = (cost: PlanCost): PlanCost => {
    const found = configurations.get(cost.configuration);
    const type = found && types.get(found.partition);
    if (found === undefined || type === undefined) throw new Error("a plan lacks a configuration");
    const { launch_slot, sms, order } = found;
    const setting = { launch_slot, sms, ...(order === null ? {} : { order }) };
    const freq_mhz = nearestClock(device, cost.freq_mhz);
    const asked: Configuration = { ...setting, freq_mhz };
    const own = there?.cost(type, { ...setting, freq_mhz: cost.freq_mhz }) ?? null;
    const carried = carriedOver(here.cost(type, asked), cost, own);
    const parts = partsInProportion(here.parts(type, asked), carried.time_s);
    return { configuration: cost.configuration, freq_mhz, ...carried, ...parts };
  };
  const costs = new Map(
    plan.costs.map(costOf).map((cost) => [`${cost.configuration} ${cost.freq_mhz}`, cost]),
  );
  return {
    ...withClocks(plan, device),
    costs: [...costs.values()],
  };
}

function nearestClock({ searched_clocks_mhz }: Device, freq_mhz: number): number {
  return searched_clocks_mhz.reduce((best, clock) =>
    Math.abs(clock - freq_mhz) < Math.abs(best - freq_mhz) ? clock : best,
  );
}

/** The plan on the other GPU, its instructions at clocks that it has. */
function withClocks(plan: CostedPlan, device: Device): PlanFile {
  const { name, sm_count, static_power_w } = device;
  const stages = plan.stages.map(({ stage, instructions }) => ({
    stage,
    instructions: instructions.map((instruction) => ({
      ...instruction,
      freq_mhz: nearestClock(device, instruction.freq_mhz),
    })),
  }));
  const clocks = new Set(stages.flatMap((each) => each.instructions.map((i) => i.freq_mhz)));
  const clocks_mhz = [...clocks].sort((a, b) => a - b);
  const { costs: _, ...rest } = plan;
  return { ...rest, gpu: { name, sm_count, clocks_mhz }, static_power_w, stages };
}

/** A modelled cost, times what the plan's own cost is to the model of its GPU. */
function carriedOver(
  modelled: Cost,
  { time_s, energy_j, source }: PlanCost,
  own: Cost | null,
): Pick<PlanCost, "time_s" | "energy_j" | "source"> {
  const known = own !== null && own.time_s > 0 && own.energy_j > 0;
  const [slower, dearer] = known ? [time_s / own.time_s, energy_j / own.energy_j] : [1, 1];
  const asModelled = source === "modelled" && slower === 1 && dearer === 1;
  return {
    time_s: modelled.time_s * slower,
    energy_j: modelled.energy_j * dearer,
    source: asModelled ? modelled.source : "extrapolated",
  };
}

const COLLECTIVES: readonly CollectiveKind[] = [
  "all_reduce",
  "all_gather",
  "reduce_scatter",
  "all_to_all",
  "send",
  "recv",
];

/** A partition type as the model asks for it, from what a plan and its work say of it. */
function partitionOf(
  { key, direction, slots }: PlanFile["partitions"][number],
  work: readonly PartitionWork[],
  where: string,
): PartitionType {
  const index = work.findIndex((each) => each.key === key);
  const found = work[index];
  const bad = (what: string) => fail(malformedFile(where, `kernels of ${key}`, what));
  if (found === undefined)
    return fail(malformedFile(where, "kernels", `those of ${key} are missing`));
  const kernels = found.kernels.map(({ work: own }) => {
    const read = readWork(own) ?? bad("a kernel does work of an unknown kind");
    return { class: "other" as const, work: read };
  });
  const named = slots.map(({ name, nodes }, slot) => {
    const first = found.kernels.findIndex((kernel) => kernel.slot === slot);
    return { name, nodes, first: first < 0 ? bad(`no kernel is in slot ${name}`) : first };
  });
  const known = <C extends { readonly kind: string }>(moved: C) => {
    const kind = COLLECTIVES.find((each) => each === moved.kind);
    return { ...moved, kind: kind ?? bad("an unknown collective") };
  };
  const { communication, queued = [], free_order = [] } = found;
  return {
    key,
    direction,
    kernels,
    slots: named,
    dependent: false,
    free_order: free_order.map((pair) => [at(pair, 0), at(pair, 1)] as const),
    communication: communication && known(communication),
    ...(queued.length > 0 ? { queued: queued.map(known) } : {}),
  };
}
