import { describe, expect, test } from "vitest";
import { random } from "../../../test/reference/random-search.js";
import { distorted, fakeGpu } from "../../../test/support/fake-gpu.js";
import { llamaLayer, partitionOf } from "../../../test/support/llama-layer.js";
import { forkRng } from "../../base/rng.js";
import { loadDevice } from "../../gpu/device.js";
import type { Configuration } from "../../ir/configuration.js";
import type { PartitionType } from "../../ir/partition.js";
import { configurationSpace } from "../../search/space.js";
import { modelledOracle } from "../modelled.js";
import { learnedError } from "./learned-error.js";

const device = loadDevice("a100-sxm4-40gb");
const { static_power_w } = device;
const model = modelledOracle(device);
const partitions = (batch: number) => {
  const layer = llamaLayer(batch, 4096);
  const { reduced_bytes } = layer;
  return {
    attention: partitionOf("attention", layer.forward_attention, reduced_bytes),
    mlp: partitionOf("mlp", layer.forward_mlp, reduced_bytes),
    backward: partitionOf("backward", layer.backward_mlp, reduced_bytes),
  };
};
const here = partitions(4);

/** Smooth, and nothing that the residuals' features hold exactly. */
const truth = (partition: PartitionType, { freq_mhz, sms }: Configuration) => {
  const clock = freq_mhz / 1410;
  const products = partition.kernels.filter(({ work }) => work.op === "matmul").length;
  return {
    time: (1.1 + 0.04 * products) * clock ** 0.15 * (1 + 0.004 * sms),
    dynamic: 0.8 + 0.1 * Math.sin(3 * clock),
  };
};

const dynamic_j = ({ time_s, energy_j }: { time_s: number; energy_j: number }) =>
  energy_j - static_power_w * time_s;

/** Mean absolute errors of time and dynamic energy over a partition's space, relative. */
function errors(
  cost: (partition: PartitionType, c: Configuration) => { time_s: number; energy_j: number },
  partition: PartitionType,
): [number, number] {
  const space = configurationSpace(partition, device);
  let [time, energy] = [0, 0];
  for (let index = 0; index < space.size; index++) {
    const configuration = space.at(index);
    const modelled = model.cost(partition, configuration);
    const real = distorted(modelled, truth(partition, configuration), device);
    const expected = cost(partition, configuration);
    time += Math.abs(expected.time_s / real.time_s - 1);
    energy += Math.abs(dynamic_j(expected) / dynamic_j(real) - 1);
  }
  return [time / space.size, energy / space.size];
}

/** Residuals that learned random configurations of some partitions. */
async function learned(from: readonly PartitionType[], count: number) {
  const residuals = learnedError(model, device, static_power_w);
  const gpu = fakeGpu(device, forkRng(0, "gpu"), { truth });
  for (const partition of from) {
    const space = configurationSpace(partition, device);
    const configurations = random(space, forkRng(0, partition.key)).ask(count).map(space.at);
    const costs = await gpu.evaluate({ partition, configurations });
    for (const [i, cost] of costs.entries()) {
      residuals.learn(partition, configurations[i] as Configuration, cost);
    }
  }
  return residuals;
}

describe("residuals", () => {
  test("know nothing at first: the model's answers", async () => {
    const { cost } = await learned([], 0);
    const configuration = { freq_mhz: 1200, launch_slot: "linear_1", sms: 6 };
    const { time_s, energy_j } = model.cost(here.mlp, configuration);
    expect(cost(here.mlp, configuration).time_s).toBe(time_s);
    expect(cost(here.mlp, configuration).energy_j).toBeCloseTo(energy_j, 9);
  });

  test("of one partition help with another that was never measured", async () => {
    const before = errors(model.cost, here.mlp);
    const after = errors((await learned([here.attention, here.backward], 64)).cost, here.mlp);
    expect(before[0]).toBeGreaterThan(0.08);
    expect(after[0]).toBeLessThan(before[0] / 2.5);
    expect(after[1]).toBeLessThan(before[1] / 2);
  });

  test("of one workload help with a neighbouring one", async () => {
    const other = partitions(16);
    const before = errors(model.cost, here.mlp);
    const after = errors((await learned([other.mlp], 64)).cost, here.mlp);
    expect(after[0]).toBeLessThan(before[0] / 5);
    expect(after[1]).toBeLessThan(before[1] / 2);
  });

  test("of an exact model stay nothing", async () => {
    const residuals = learnedError(model, device, static_power_w);
    const configuration = { freq_mhz: 1200, launch_slot: "linear_1", sms: 6 };
    const exact = model.cost(here.mlp, configuration);
    residuals.learn(here.mlp, configuration, exact);
    expect(residuals.cost(here.mlp, configuration).time_s).toBe(exact.time_s);
  });
});
