import { expect, test } from "vitest";
import { distorted, type FakeGpuOptions, fakeGpu } from "../../test/support/fake-gpu.js";
import { llamaLayer, partitionOf } from "../../test/support/llama-layer.js";
import { forkRng } from "../base/rng.js";
import { learnedError, modelledOracle } from "../cost/index.js";
import { loadDevice } from "../gpu/device.js";
import type { Configuration } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";
import { cornerBeyond, hypervolume } from "../math/hypervolume.js";
import { searchPartitions } from "./search.js";
import { configurationSpace } from "./space.js";

const device = loadDevice("a100-sxm4-40gb");
const { static_power_w } = device;
const model = modelledOracle(device);
const layer = llamaLayer(4, 4096);
const attention = partitionOf("attention", layer.forward_attention, layer.reduced_bytes);
const backward = partitionOf("backward", layer.backward_mlp, layer.reduced_bytes);
const mlp = partitionOf("mlp", layer.forward_mlp, layer.reduced_bytes);

/** What a model may well miss: each SM moves less than it says, so communication wants more. */
const truth: NonNullable<FakeGpuOptions["truth"]> = (_, { freq_mhz, sms, launch_slot }) => {
  const clock = freq_mhz / device.highest_clock_mhz;
  const starved = (launch_slot === null ? 0.3 : 1) * Math.exp(-sms / 8);
  return { time: 1.15 * clock ** 0.2 * (1 + starved), dynamic: 0.9 + 0.25 * clock };
};

/** Tight hypervolume in time and dynamic energy after each number of measurements. */
function quality(partition: PartitionType, measured: readonly Configuration[]): number[] {
  const real = (configuration: Configuration) => {
    const modelled = model.cost(partition, configuration);
    const { time_s, energy_j } = distorted(modelled, truth(partition, configuration), device);
    return [time_s, energy_j - static_power_w * time_s] as const;
  };
  const space = configurationSpace(partition, device);
  const points = (list: readonly Configuration[]) => {
    const costs = list.map(real);
    return { x: costs.map(([x]) => x), y: costs.map(([, y]) => y) };
  };
  const all = points(Array.from({ length: space.size }, (_, index) => space.at(index)));
  const [x, y] = cornerBeyond(all, 0.1);
  const whole = hypervolume(all, x, y);
  return measured.map((_, k) => hypervolume(points(measured.slice(0, k + 1)), x, y) / whole);
}

test("what other partitions taught saves measurements", async () => {
  const needed = async (taught: boolean, seed: number) => {
    const residuals = learnedError(model, device, static_power_w);
    const options = { seed, static_power_w, residuals };
    const gpu = fakeGpu(device, forkRng(seed, "gpu"), { truth });
    if (taught) {
      await searchPartitions([attention, backward], device, gpu, { ...options, budget: 56 });
    }
    const before = gpu.measured.length;
    await searchPartitions([mlp], device, gpu, { ...options, budget: 64 });
    const measured = gpu.measured.slice(before).map(({ configuration }) => configuration);
    const enough = quality(mlp, measured).findIndex((reached) => reached >= 0.96);
    // Not reached: more than were made.
    return enough < 0 ? measured.length + 1 : enough + 1;
  };
  const baselines = configurationSpace(mlp, device).first.length;
  for (const seed of [0, 1]) {
    const [alone, taught] = [await needed(false, seed), await needed(true, seed)];
    expect(taught - baselines).toBeLessThan(0.75 * (alone - baselines));
  }
});
