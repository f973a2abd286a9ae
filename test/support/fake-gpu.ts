import type { Rng } from "../../src/base/rng.js";
import { modelledOracle } from "../../src/cost/index.js";
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
  readonly truth?: (partition: PartitionType, configuration: Configuration) => Truth;
  /** What a trial's time is, relative to the truth. */
  readonly hiccup?: (configuration: Configuration, trial: number) => number;
}

interface Truth {
  readonly time: number;
  readonly dynamic: number;
}

/** What the model answers, with time and dynamic energy multiplied. */
export function distorted({ time_s, energy_j }: Expected, by: Truth, device: Device): Expected {
  const static_w = device.static_power_w;
  const dynamic_j = energy_j - static_w * time_s;
  return {
    time_s: by.time * time_s,
    energy_j: static_w * by.time * time_s + by.dynamic * dynamic_j,
  };
}

type Expected = Pick<Cost, "time_s" | "energy_j">;

/** A standard normal number (Box and Muller). */
export function normal(rng: Rng): number {
  const radius = Math.sqrt(-2 * Math.log(1 - rng.uniform()));
  return radius * Math.cos(2 * Math.PI * rng.uniform());
}

/** A GPU that does what the model says, distorted and with 1% noise; one measurement at a time. */
export function fakeGpu(device: Device, rng: Rng, options: FakeGpuOptions = {}): FakeGpu {
  const { truth = () => ({ time: 1, dynamic: 1 }), hiccup = () => 1 } = options;
  const model = modelledOracle(device);
  const measured: { partition: string; configuration: Configuration }[] = [];
  const trials = new Map<string, number>();
  const measure = (partition: PartitionType, configuration: Configuration): Cost => {
    const name = JSON.stringify([partition.key, configuration]);
    const number = (trials.get(name) ?? 0) + 1;
    trials.set(name, number);
    measured.push({ partition: partition.key, configuration });
    const modelled = model.cost(partition, configuration);
    const real = distorted(modelled, truth(partition, configuration), device);
    return {
      time_s: real.time_s * hiccup(configuration, number) * (1 + 0.01 * normal(rng)),
      energy_j: real.energy_j * (1 + 0.01 * normal(rng)),
      source: "measured",
    };
  };
  return {
    ...{ batch: 1, parallel: 1, live: true, measured },
    evaluate: async ({ partition, configurations }) =>
      configurations.map((configuration) => measure(partition, configuration)),
  };
}
