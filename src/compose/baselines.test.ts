import { expect, test } from "vitest";
import { llamaLayer, partitionOf } from "../../test/support/llama-layer.js";
import { loadDevice } from "../gpu/device.js";
import type { Configuration, Evaluation } from "../ir/configuration.js";
import type { PipelineProblem } from "../ir/iteration.js";
import type { OptionKind, PartitionedGraph } from "../ir/partition.js";
import { baselineProblems, rivalsUnder, sequentialAtTop } from "./baselines.js";
import { solvePipeline } from "./solve.js";

const device = loadDevice("a100-sxm4-40gb");
const { default_comm_sms: usual, highest_clock_mhz: highest } = device;
const layer = llamaLayer(4, 4096);
const waits = partitionOf("backward.w", layer.backward_mlp, layer.reduced_bytes, true);
const beside = partitionOf("backward.b", layer.backward_mlp, layer.reduced_bytes);
const alone = partitionOf("forward.c", layer.forward_mlp, null);

const use = (partition: string) => ({ partition, layers: [0], nanobatch: null });
const instruction = (kind: OptionKind) => ({
  ...{ stage: 0, chunk: 0, kind },
  executions: [
    { model: "sequential" as const, uses: [use(waits.key), use(alone.key)] },
    { model: "nanobatched" as const, uses: [use(beside.key), use(alone.key)] },
  ],
});
const graph: PartitionedGraph = {
  ...{ level: "partition", name: "g", sha256: "", stages: 1, layers: 1 },
  partitions: new Map([waits, beside, alone].map((type) => [type.key, type])),
  instructions: [instruction("forward"), instruction("backward")],
};

const evaluation = (
  partition: string,
  time_s: number,
  configuration: Omit<Configuration, "freq_mhz">,
): Evaluation => ({
  ...{ partition, time_s, energy_j: 1000 - time_s, source: "modelled", freq_mhz: highest },
  ...configuration,
});

const fastest = (problem: PipelineProblem) => solvePipeline(problem, { points: 8 }).points[0];

test("baselines use the default SMs and the listed order, whatever else was evaluated", () => {
  const order = [0, 2, 3, 5, 6, 1, 4];
  const [first = null] = beside.slots.map(({ name }) => name);
  const evaluations = new Map([
    [
      waits.key,
      [
        evaluation(waits.key, 5, { launch_slot: null, sms: usual }),
        // A copy engine, other SMs, weight gradients under communication.
        evaluation(waits.key, 4, { launch_slot: null, sms: 0 }),
        evaluation(waits.key, 3, { launch_slot: null, sms: usual + 3 }),
        evaluation(waits.key, 2, { launch_slot: "linear_1", sms: usual, order }),
      ],
    ],
    [
      beside.key,
      [
        evaluation(beside.key, 4, { launch_slot: first, sms: usual }),
        evaluation(beside.key, 3, { launch_slot: first, sms: 0 }),
        evaluation(beside.key, 2, { launch_slot: first, sms: usual, order }),
        evaluation(beside.key, 1, { launch_slot: null, sms: usual }),
      ],
    ],
    [alone.key, [evaluation(alone.key, 1, { launch_slot: null, sms: 0 })]],
  ]);
  const layout = { microbatches: 1, static_power_w: 1, pipeline: "1f1b", chunks: 1 } as const;
  const baselines = baselineProblems(graph, evaluations, device, layout, rivalsUnder("all"));
  expect(baselines.map(({ name, problem }) => [name, fastest(problem)?.time_s])).toEqual([
    ["sequential-max-clock", 12],
    ["sequential-frequency", 12],
    ["nanobatch-frequency", 10],
  ]);
});

test("without nanobatches, gradient sums of the last backward run from the first slot on", () => {
  const [first = null] = beside.slots.map(({ name }) => name);
  const last = {
    ...{ stage: 0, chunk: 0, kind: "last_backward" as const },
    executions: [{ model: "sequential" as const, uses: [use(beside.key)] }],
  };
  const evaluations = new Map([
    [waits.key, [evaluation(waits.key, 5, { launch_slot: null, sms: usual })]],
    [
      beside.key,
      [
        evaluation(beside.key, 4, { launch_slot: first, sms: usual }),
        evaluation(beside.key, 3, { launch_slot: null, sms: usual }),
      ],
    ],
    [alone.key, [evaluation(alone.key, 1, { launch_slot: null, sms: 0 })]],
  ]);
  const layout = { microbatches: 3, static_power_w: 1, pipeline: "1f1b", chunks: 1 } as const;
  const summing = { ...graph, instructions: [...graph.instructions, last] };
  const baselines = baselineProblems(summing, evaluations, device, layout, rivalsUnder("all"));
  // Three forwards and two backwards of 6 s, then one of 4 s; nanobatched 5 s instead of 6.
  expect(baselines.map(({ name, problem }) => [name, fastest(problem)?.time_s])).toEqual([
    ["sequential-max-clock", 34],
    ["sequential-frequency", 34],
    ["nanobatch-frequency", 29],
  ]);
});

test("where nothing can be nanobatched, the baselines with and without are one problem", () => {
  const single = {
    ...{ stage: 0, chunk: 0, kind: "forward" as const },
    executions: [{ model: "sequential" as const, uses: [use(alone.key)] }],
  };
  const evaluations = new Map([
    [alone.key, [evaluation(alone.key, 1, { launch_slot: null, sms: 0 })]],
  ]);
  const layout = { microbatches: 2, static_power_w: 1 };
  const one = { ...graph, instructions: [single] };
  const [, without, nanobatched] = baselineProblems(
    one,
    evaluations,
    device,
    layout,
    rivalsUnder("all"),
  );
  expect(nanobatched?.problem).toBe(without?.problem);
});

test("at the highest clock, every instruction takes what its partitions do, however clocks are switched", () => {
  const layout = { microbatches: 3, static_power_w: 50, pipeline: "1f1b", chunks: 1 } as const;
  const asked: Configuration[] = [];
  const cost = (partition: string) => ({ [waits.key]: 5, [alone.key]: 1 })[partition] ?? 7;
  const costOf = ({ key }: { readonly key: string }, configuration: Configuration) => {
    asked.push(configuration);
    const time_s = cost(key);
    return { time_s, energy_j: 100 * time_s, source: "modelled" as const };
  };
  const { time_s, energy_j } = sequentialAtTop(
    graph,
    device,
    { ...layout, switch_time_s: 0.5 },
    costOf,
  );
  // Three forwards and three backwards of 6 s each, one after the other on one stage.
  expect(time_s).toBeCloseTo(36, 9);
  expect(energy_j).toBeCloseTo(3600, 6);
  expect(new Set(asked.map(({ freq_mhz }) => freq_mhz))).toEqual(new Set([highest]));
});
