import type { Rng } from "../../src/base/rng.js";
import { modelledOracle } from "../../src/cost/modelled.js";
import type { Device } from "../../src/gpu/device-schema.js";
import type { Configuration, Cost } from "../../src/ir/configuration.js";
import type { PartitionType } from "../../src/ir/partition.js";
import type { Evaluator } from "../../src/search/evaluator.js";

interface FakeGpu extends Evaluator {
  /** What was measured, in order. */
  readonly measured: readonly {
    readonly partition: string;
    readonly configuration: Configuration;
  }[];
}

export interface FakeGpuOptions {
  /** What measurements are, relative to the model. */
  readonly truth?: (partition: PartitionType, configuration: Configuration) => Factors;
  /** Of one trial, on top of that. */
  readonly trial?: (configuration: Configuration, trial: number) => Factors;
}

interface Factors {
  readonly time: number;
  readonly energy: number;
}

const SAME: Factors = { time: 1, energy: 1 };

/** A standard normal number (Box and Muller). */
export function normal(rng: Rng): number {
  const radius = Math.sqrt(-2 * Math.log(1 - rng.uniform()));
  return radius * Math.cos(2 * Math.PI * rng.uniform());
}

/** A GPU that does what the model says, distorted and with 1% noise; one measurement at a time. */
export function fakeGpu(device: Device, rng: Rng, options: FakeGpuOptions = {}): FakeGpu {
  const { truth = () => SAME, trial = () => SAME } = options;
  const model = modelledOracle(device);
  const measured: { partition: string; configuration: Configuration }[] = [];
  const trials = new Map<string, number>();
  const measure = (partition: PartitionType, configuration: Configuration): Cost => {
    const name = JSON.stringify([partition.key, configuration]);
    const number = (trials.get(name) ?? 0) + 1;
    trials.set(name, number);
    measured.push({ partition: partition.key, configuration });
    const { time_s, energy_j } = model.cost(partition, configuration);
    const [real, now] = [truth(partition, configuration), trial(configuration, number)];
    return {
      time_s: time_s * real.time * now.time * (1 + 0.01 * normal(rng)),
      energy_j: energy_j * real.energy * now.energy * (1 + 0.01 * normal(rng)),
      source: "measured",
    };
  };
  return {
    ...{ batch: 1, parallel: 1, live: true, measured },
    evaluate: async ({ partition, configurations }) =>
      configurations.map((configuration) => measure(partition, configuration)),
  };
}
