import { describe, expect, test } from "vitest";
import { fakeGpu } from "../../test/support/fake-gpu.js";
import { llamaLayer, partitionOf } from "../../test/support/llama-layer.js";
import { forkRng } from "../base/rng.js";
import { modelledOracle } from "../cost/index.js";
import { loadDevice } from "../gpu/device.js";
import type { Configuration, Evaluation } from "../ir/configuration.js";
import { paretoIndices } from "../math/pareto.js";
import { searchPartitions } from "./search.js";

const device = loadDevice("a100-sxm4-40gb");
const { static_power_w } = device;
const layer = llamaLayer(4, 4096);
const attention = partitionOf("forward.a", layer.forward_attention, layer.reduced_bytes);
const mlp = partitionOf("forward.b", layer.forward_mlp, layer.reduced_bytes);
const compute = partitionOf("forward.c", layer.backward_mlp, null);
const options = { seed: 0, budget: 64, static_power_w };

const name = ({ freq_mhz, launch_slot, sms }: Configuration) => `${freq_mhz}/${launch_slot}/${sms}`;

/** On the frontier of time and dynamic energy. */
function frontier(evaluations: readonly Evaluation[]): Evaluation[] {
  const kept = paretoIndices(
    evaluations.map(({ time_s }) => time_s),
    evaluations.map(({ time_s, energy_j }) => energy_j - static_power_w * time_s),
  );
  return kept.flatMap((i) => evaluations[i] ?? []);
}

describe("measuring live", () => {
  test("no space is enumerated: the budget holds, for all types together", async () => {
    const gpu = fakeGpu(device, forkRng(0, "gpu"));
    const { outcomes } = await searchPartitions([attention, mlp], device, gpu, options);
    expect(gpu.measured.length).toBe(128);
    expect(outcomes.map(({ evaluated }) => evaluated).reduce((a, b) => a + b)).toBe(128);
    expect(outcomes.map(({ stop }) => stop)).toEqual(["budget", "budget"]);
  });

  test("what a small space leaves over goes to the others", async () => {
    const gpu = fakeGpu(device, forkRng(0, "gpu"));
    const { outcomes } = await searchPartitions([attention, compute], device, gpu, options);
    expect(outcomes).toMatchObject([
      { partition: "forward.a", evaluated: 110, stop: "budget" },
      { partition: "forward.c", space: 18, evaluated: 18, stop: "exhausted" },
    ]);
  });

  test("types that run often get more, none less than its fair half", async () => {
    /** Rugged, so that there is always something left to find; how soon is luck, hence two. */
    const rugged = (seed: number) => (_: unknown, configuration: Configuration) => {
      const rng = forkRng(seed, name(configuration));
      return { time: 1 + 0.4 * rng.uniform(), dynamic: 1 + 0.4 * rng.uniform() };
    };
    const often = async (key: string) => {
      const once = [attention, mlp].map((each) => [each.key, 1] as const);
      const runs = new Map([...once, [key, 200]]);
      const spent = { [attention.key]: 0, [mlp.key]: 0 };
      for (const seed of [1, 2]) {
        const gpu = fakeGpu(device, forkRng(seed, "gpu"), { truth: rugged(seed) });
        const more = { ...options, seed, budget: 80, runs };
        const { outcomes } = await searchPartitions([attention, mlp], device, gpu, more);
        for (const { partition, evaluated } of outcomes) {
          expect(evaluated).toBeGreaterThanOrEqual(40);
          spent[partition] = (spent[partition] ?? 0) + evaluated;
        }
      }
      return [spent[attention.key] ?? 0, spent[mlp.key] ?? 0] as const;
    };
    const [many, few] = await often(attention.key);
    expect(many).toBeGreaterThan(few);
    const [less, most] = await often(mlp.key);
    expect(most).toBeGreaterThan(less);
  });

  test("an outlier is measured again, and is not on the frontier as it came first", async () => {
    const calm = fakeGpu(device, forkRng(0, "gpu"));
    await searchPartitions([attention], device, calm, options);
    // Three times the time at the same energy looks like little dynamic energy.
    const wrong = calm.measured.filter((_, i) => i % 9 === 4).map((m) => name(m.configuration));
    const hiccup = (configuration: Configuration, trial: number) =>
      trial === 1 && wrong.includes(name(configuration)) ? 3 : 1;
    const gpu = fakeGpu(device, forkRng(0, "gpu"), { hiccup });
    const found = await searchPartitions([attention], device, gpu, options);
    const evaluations = found.evaluations.get("forward.a") ?? [];
    const model = modelledOracle(device);
    for (const evaluation of evaluations) {
      const { time_s } = model.cost(attention, evaluation);
      expect(Math.abs(evaluation.time_s / time_s - 1)).toBeLessThan(0.06);
    }
    const trials = (each: string) =>
      gpu.measured.filter(({ configuration }) => name(configuration) === each).length;
    const met = wrong.filter((each) => trials(each) > 0);
    expect(met.length).toBeGreaterThan(3);
    for (const each of met) expect([2, 3]).toContain(trials(each));
    expect(frontier(evaluations).length).toBeGreaterThan(3);
    // Repeated trials count, and become one evaluation.
    expect(found.outcomes[0]?.evaluated).toBe(gpu.measured.length);
    expect(new Set(evaluations.map(name)).size).toBe(evaluations.length);
  });

  test("a model that is far off, but smoothly, raises no doubt", async () => {
    const truth = (_: unknown, { freq_mhz, sms }: Configuration) => ({
      time: 1.5 * (freq_mhz / 1410) ** 0.2 * (1 + 0.003 * sms),
      dynamic: 0.7,
    });
    const gpu = fakeGpu(device, forkRng(0, "gpu"), { truth });
    const found = await searchPartitions([mlp], device, gpu, options);
    expect(found.evaluations.get("forward.b")).toHaveLength(gpu.measured.length);
  });
});
