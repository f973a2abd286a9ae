import { need } from "../base/need.js";
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
  // Instructions of one option mostly share their uses, which are long: those are told apart once.
  const useKeys = new Map<Instruction["use"], string>();
  const indexOf = (each: PackedPlan["variants"][number]) => {
    const useKey = useKeys.get(each.use) ?? JSON.stringify(each.use);
    useKeys.set(each.use, useKey);
    const { use: _, ...others } = each;
    return variants.indexOf(each, JSON.stringify([others, useKey]));
  };
  const packedStages = stages.map(({ stage, instructions }) => ({
    stage,
    instructions: instructions.map(({ kind, microbatch, chunk, start_s, ...each }) => ({
      kind,
      microbatch,
      chunk,
      variant: indexOf(each),
      start_s,
    })),
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
    const known = new Map<Instruction["use"], number>();
    const useOf = (list: Instruction["use"]) => {
      const index = known.get(list) ?? uses.indexOf(list.map((each) => within(each, positions)));
      known.set(list, index);
      return index;
    };
    return {
      stage,
      layers,
      instructions: instructions.map(({ kind, microbatch, chunk, start_s, use, ...each }) => ({
        kind,
        microbatch,
        chunk,
        variant: variants.indexOf({ ...each, use: useOf(use) }),
        start_s,
      })),
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

/** The layers that instructions run, ascending. */
function layersOf(instructions: readonly Instruction[]): number[] {
  const lists = new Set(instructions.map(({ use }) => use));
  const layers = new Set([...lists].flatMap((list) => list.flatMap((each) => each.layers)));
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

  /** @param name what tells it from others */
  indexOf(value: T, name = JSON.stringify(value)): number {
    const known = this.#indices.get(name);
    if (known !== undefined) return known;
    this.#indices.set(name, this.list.length);
    return this.list.push(value) - 1;
  }
}
