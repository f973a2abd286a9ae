import { at } from "../base/need.js";
import type { PackedPlan, TabledPlan } from "./plan-schema.js";

/** A plan whose instructions say themselves how they run. */
export function unpackedPlan(file: PackedPlan | TabledPlan) {
  return file.version === 3 ? fromTables(file) : fromVariants(file);
}

function fromVariants({ variants, stages, ...head }: PackedPlan) {
  return {
    ...head,
    stages: stages.map(({ stage, instructions }) => ({
      stage,
      instructions: instructions.map(({ variant: index, ...place }) => ({
        ...place,
        ...at(variants, index),
      })),
    })),
  };
}

function fromTables({ costs, uses, variants, stages, ...head }: TabledPlan) {
  return {
    ...head,
    version: 2 as const,
    ...(costs === undefined ? {} : { costs: costsOf(costs) }),
    stages: stages.map(({ stage, layers, instructions }) => {
      // Instructions of one stage share their uses.
      const known = new Map<number, TabledPlan["uses"][number]>();
      const usesOf = (index: number) => {
        const own = known.get(index) ?? at(uses, index).map((each) => placed(each, layers));
        known.set(index, own);
        return own;
      };
      return {
        stage,
        instructions: instructions.map(({ variant: index, ...place }) => {
          const { use, ...variant } = at(variants, index);
          return { ...place, ...variant, use: usesOf(use) };
        }),
      };
    }),
  };
}

/** A use of the layers that a stage lists, by their global indices. */
function placed(use: TabledPlan["uses"][number][number], layers: readonly number[]) {
  return { ...use, layers: use.layers.map((position) => at(layers, position)) };
}

function costsOf(columns: NonNullable<TabledPlan["costs"]>) {
  return columns.configuration.map((configuration, i) => ({
    configuration,
    freq_mhz: at(columns.freq_mhz, i),
    source: at(columns.source, i),
    time_s: at(columns.time_s, i),
    energy_j: at(columns.energy_j, i),
    compute_s: at(columns.compute_s, i),
    contention_s: at(columns.contention_s, i),
    exposed_communication_s: at(columns.exposed_communication_s, i),
    throttling_s: at(columns.throttling_s, i),
  }));
}
