import { need } from "../base/need.js";
import { eachUseOnce, eachVariantOnce } from "./alike.js";
import type { PackedPlan, SpelledOutPlan, TabledPlan } from "./plan-schema.js";

type Plan = Omit<SpelledOutPlan, "version">;
type Instruction = Plan["stages"][number]["instructions"][number];

/** Plans of more instructions are written with tables: files of others are read by older programs too. */
const MOST_WITHOUT_TABLES = 1000;

/** A plan as its file holds it. */
export function packedPlan(plan: Plan): PackedPlan | TabledPlan {
  const count = plan.stages.reduce((sum, { instructions }) => sum + instructions.length, 0);
  return count > MOST_WITHOUT_TABLES ? withTables(plan) : withVariants(plan);
}

/** Each distinct variant once, in order of first use. */
function withVariants({ stages, ...head }: Plan): PackedPlan {
  const variants = new Distinct<PackedPlan["variants"][number]>();
  const indexOf = eachVariantOnce((instruction) =>
    variants.indexOf(variantOf(instruction, instruction.use)),
  );
  const packedStages = stages.map(({ stage, instructions }) => ({
    stage,
    instructions: instructions.map((each) => placed(each, indexOf(each))),
  }));
  return { ...head, version: 2, variants: variants.list, stages: packedStages };
}

/** What variants of several clocks and stages share once too, layers counted within the stage. */
function withTables({ stages, costs, ...head }: Plan): TabledPlan {
  const uses = new Distinct<TabledPlan["uses"][number]>();
  const variants = new Distinct<TabledPlan["variants"][number]>();
  const tabledStages = stages.map(({ stage, instructions }) => {
    const layers = layersOf(instructions);
    const positions = new Map(layers.map((layer, position) => [layer, position]));
    const useOf = eachUseOnce(({ use }) =>
      uses.indexOf(use.map((each) => within(each, positions))),
    );
    const indexOf = eachVariantOnce((instruction) =>
      variants.indexOf(variantOf(instruction, useOf(instruction))),
    );
    return {
      stage,
      layers,
      instructions: instructions.map((each) => placed(each, indexOf(each))),
    };
  });
  return {
    ...head,
    version: 3,
    ...(costs === undefined ? {} : { costs: columnsOf(costs) }),
    uses: uses.list,
    variants: variants.list,
    stages: tabledStages,
  };
}

/** How an instruction runs, without its place: fields in the order of the file. */
function variantOf<Use>(instruction: Instruction, use: Use) {
  const { freq_mhz, switch_from_mhz, launch_time_s, execution, time_s, energy_j } = instruction;
  return {
    freq_mhz,
    ...(switch_from_mhz === undefined ? {} : { switch_from_mhz }),
    ...(launch_time_s === undefined ? {} : { launch_time_s }),
    ...{ execution, use, time_s, energy_j },
  };
}

function placed({ kind, microbatch, chunk, start_s }: Instruction, variant: number) {
  return { kind, microbatch, chunk, variant, start_s };
}

/** The layers that instructions run, ascending. */
function layersOf(instructions: readonly Instruction[]): number[] {
  const lists = new Set(instructions.map(({ use }) => use));
  const layers = new Set<number>();
  for (const list of lists) for (const { layers: own } of list) for (const k of own) layers.add(k);
  return [...layers].sort((a, b) => a - b);
}

function within(use: Instruction["use"][number], positions: ReadonlyMap<number, number>) {
  return { ...use, layers: use.layers.map((layer) => need(positions, layer)) };
}

function columnsOf(costs: NonNullable<Plan["costs"]>): NonNullable<TabledPlan["costs"]> {
  return {
    configuration: costs.map((cost) => cost.configuration),
    freq_mhz: costs.map((cost) => cost.freq_mhz),
    source: costs.map((cost) => cost.source),
    time_s: costs.map((cost) => cost.time_s),
    energy_j: costs.map((cost) => cost.energy_j),
    compute_s: costs.map((cost) => cost.compute_s),
    contention_s: costs.map((cost) => cost.contention_s),
    exposed_communication_s: costs.map((cost) => cost.exposed_communication_s),
    throttling_s: costs.map((cost) => cost.throttling_s),
  };
}

/** Each distinct value once, in order of first appearance. */
class Distinct<T> {
  readonly list: T[] = [];
  readonly #indices = new Map<string, number>();

  indexOf(value: T): number {
    const name = JSON.stringify(value);
    const known = this.#indices.get(name);
    if (known !== undefined) return known;
    this.#indices.set(name, this.list.length);
    return this.list.push(value) - 1;
  }
}
