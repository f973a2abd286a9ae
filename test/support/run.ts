import type { RunFacts } from "../../src/emit/facts.js";
import { frontierFile } from "../../src/emit/frontier.js";
import { planFiles } from "../../src/emit/plan.js";
import type { ChosenUse, Evaluation, InstructionOption } from "../../src/ir/configuration.js";
import type { IterationPoint, TimedInstruction } from "../../src/ir/iteration.js";
import type { PartitionedGraph, PartitionType } from "../../src/ir/partition.js";
import type { DetailsFile } from "../../src/plan/details.js";

/** A small run, made up: two stages, two microbatches, two points. */

const STATIC_POWER_W = 85;
export const FACTS: RunFacts = {
  graph: { name: "llama", sha256: "ab".repeat(32) },
  gpu: { name: "a100-sxm4-40gb", sm_count: 108 },
  parallelism: {
    tp: 8,
    cp: 1,
    ep: 1,
    pp: 2,
    dp: 1,
    microbatches: 2,
    pipeline: "1f1b",
    chunks: 1,
    recompute: "full",
  },
  static_power_w: STATIC_POWER_W,
  transfer_s: 0,
  switch_time_s: 0.005,
  control: "all",
  told: { bind: { batch: 8 }, dtype: "bf16", gpus_per_node: 8 },
  peak_power_w: null,
  workload: { execution: "compiled", family: "decoder", products: "bfloat16", measured: true },
  expected_error: { time: 0.04, energy: 0.05 },
};

function partition(key: string, direction: "forward" | "backward"): PartitionType {
  return {
    key,
    direction,
    kernels: [],
    slots: [{ name: "norm_0", first: 0, nodes: [`/${key}/norm`] }],
    communication: {
      kind: "all_reduce",
      size_bytes: 1 << 20,
      ranks: 8,
      ranks_per_node: 8,
      group: "tp",
    },
    dependent: false,
    free_order: [],
  };
}

/** What a model would say: half of a run is compute, a quarter each is exposed and throttled. */
export const PARTS = () => ({
  ...{ compute_s: 2, contention_s: 0, exposed_communication_s: 1, throttling_s: 1 },
});

export const GRAPH: PartitionedGraph = {
  level: "partition",
  name: "llama",
  sha256: FACTS.graph.sha256,
  partitions: new Map(
    [
      partition("forward.a", "forward"),
      partition("backward.b", "backward"),
      partition("forward.z", "forward"),
    ].map((type) => [type.key, type]),
  ),
  instructions: [],
  stages: 2,
  layers: 4,
};

export function use(
  key: string,
  sms: number,
  layers: readonly number[],
  nanobatch: 0 | 1 | null,
): ChosenUse {
  return {
    evaluation: {
      partition: key,
      freq_mhz: 1200,
      launch_slot: sms > 0 ? "norm_0" : null,
      sms,
      time_s: 0.01,
      energy_j: 3,
      source: "modelled",
    },
    layers,
    nanobatch,
  };
}

export function option(
  freq_mhz: number,
  time_s: number,
  energy_j: number,
  uses: readonly ChosenUse[],
): InstructionOption {
  return { freq_mhz, execution: "nanobatched", time_s, energy_j, use: () => uses };
}

const FORWARD = option(1200, 0.3, 90.1, [
  use("forward.a", 6, [1, 0], 0),
  use("forward.a", 0, [], null),
  use("forward.a", 6, [2], 1),
  use("forward.a", 6, [3, 1], 0),
  use("forward.a", 0, [], null),
]);
const BACKWARD = option(1410, 0.7, 260.7, [use("backward.b", 12, [0, 1], 0)]);
const TAIL = option(900, 0.05, 7.3, [use("backward.b", 0, [], null)]);

const OPTIONS = { forward: FORWARD, backward: BACKWARD, tail: TAIL };

/** Stage 1 of two runs F0 B0 F1 B1, stage 0 F0 F1 B0 B1; times chosen so that bubbles exist. */
export function point(): IterationPoint {
  const at = (
    stage: number,
    kind: keyof typeof OPTIONS,
    microbatch: number | null,
    start_s: number,
  ): TimedInstruction => {
    return { stage, kind, microbatch, chunk: 0, option: OPTIONS[kind], start_s };
  };
  const instructions = [
    [
      at(0, "forward", 0, 0),
      at(0, "forward", 1, 0.3),
      at(0, "backward", 0, 1.3),
      at(0, "backward", 1, 2.3),
      at(0, "tail", null, 3.0),
    ],
    [
      at(1, "forward", 0, 0.3),
      at(1, "backward", 0, 0.6),
      at(1, "forward", 1, 1.3),
      at(1, "backward", 1, 1.6),
      at(1, "tail", null, 2.3),
    ],
  ];
  const options = instructions.flat().map((instruction) => instruction.option);
  const busy_s = options.reduce((sum, { time_s }) => sum + time_s, 0);
  const spent_j = options.reduce((sum, { energy_j }) => sum + energy_j, 0);
  const time_s = 3.05;
  const energy_j = spent_j + STATIC_POWER_W * (2 * time_s - busy_s);
  return { time_s, energy_j, lower_bound_j: energy_j - 1, instructions };
}

const LATER: IterationPoint = { ...point(), time_s: 4, energy_j: 1000, lower_bound_j: 999 };
export const FRONTIER = frontierFile({
  ...FACTS,
  seed: 0,
  costs: { measured: 0, interpolated: 0, modelled: 42, extrapolated: 0, profiles: [] },
  executions: [
    { name: "compiled", time_s: 3.5, energy_j: 2000 },
    { name: "eager", time_s: 4.5, energy_j: 2400 },
    { name: "graph", time_s: 3.4, energy_j: 1990 },
  ],
  memory: [{ peak_bytes: 3e10 }, { peak_bytes: 2e10 }],
  search: [
    { partition: "forward.a", space: 18, evaluated: 18, stop: "exhausted" },
    { partition: "forward.b", space: 24000, evaluated: 24, stop: "budget" },
  ],
  baselines: [
    { name: "sequential-max-clock", points: [{ time_s: 3.5, energy_j: 2000 }] },
    { name: "sequential-frequency", points: [{ time_s: 1, energy_j: 5000 }] },
    { name: "nanobatch-frequency", points: [] },
  ],
  full_control: null,
  frontier: { points: [point(), LATER], energy_optimal_time_s: 4.5 },
});

export const PLANS = [
  planFiles(GRAPH, FACTS, PARTS)(point(), 0, [point(), LATER]),
  planFiles(GRAPH, FACTS, PARTS)(LATER, 1, [point(), LATER]),
];

/** What FORWARD and BACKWARD use, and one more of each partition. */
export const EVALUATIONS: readonly Evaluation[] = [
  ...FORWARD.use()
    .map(({ evaluation }) => evaluation)
    .slice(0, 2),
  { ...use("forward.a", 9, [], 0).evaluation, time_s: 0.008, energy_j: 4 },
  { ...use("backward.b", 12, [], 0).evaluation, freq_mhz: 1410 },
];

export const DETAILS: DetailsFile = {
  ...{
    format: "kareus-details",
    version: 1,
    graph: FACTS.graph,
    gpu: FACTS.gpu.name,
    sm_count: 108,
  },
  constants: [{ name: "gemm.k_half", value: "240", source: "fitted", residual: "2 % mean" }],
  partitions: [
    {
      key: "forward.a",
      kernels: [{ slot: 0, shape: "norm", flops: 1e6, size_bytes: 1e6, work: { op: "memory" } }],
      communication: null,
      runs: [
        {
          ...{ freq_mhz: 1200, launch_slot: "norm_0", sms: 6, order: null, clock_mhz: 1200 },
          ...{ time_s: 0.01, energy_j: 3, bandwidth_bytes_per_s: 1.5e12 },
          pieces: [
            [0.004, 0, 0, false, 1e12, 300],
            [0.01, null, 0, true, 1e11, 300],
          ],
        },
      ],
    },
  ],
};
