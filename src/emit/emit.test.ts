import { describe, expect, it } from "vitest";
import { replay } from "../../test/support/replay.js";
import type { ChosenUse, InstructionOption } from "../ir/configuration.js";
import type { IterationPoint, TimedInstruction } from "../ir/iteration.js";
import type { PartitionedGraph, PartitionType } from "../ir/partition.js";
import { type FrontierFile, readFrontier, writeFrontier } from "../plan/frontier.js";
import { readPlan, writePlan } from "../plan/plan.js";
import { planErrors } from "./expected-error.js";
import { frontierFile, type RunFacts } from "./frontier.js";
import { gainSentence, gainsOf } from "./gains.js";
import { planFile } from "./plan.js";
import { reportPage } from "./report.js";
import { frontierSummary } from "./summary.js";

const STATIC_POWER_W = 85;
const FACTS: RunFacts = {
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

const GRAPH: PartitionedGraph = {
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

function use(
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

function option(
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
function point(): IterationPoint {
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

describe("planFile", () => {
  const plan = planFile(point(), 3, GRAPH, FACTS, null);

  it("gives its point again when it is replayed", () => {
    const { time_s, energy_j, starts } = replay(plan);
    expect(time_s).toBeCloseTo(plan.point.time_s, 12);
    expect(energy_j).toBeCloseTo(plan.point.energy_j, 9);
    plan.stages.forEach(({ stage, instructions }) => {
      instructions.forEach(({ start_s }, index) => {
        expect(start_s).toBeCloseTo(starts[stage]?.[index] ?? Number.NaN, 12);
      });
    });
  });

  it("passes its own reader", () => {
    expect(readPlan(writePlan(plan), "p")).toEqual(plan);
  });

  it("lists what is used and nothing else, each once", () => {
    expect(plan.partitions.map(({ key }) => key)).toEqual(["forward.a", "backward.b"]);
    expect(plan.configurations).toEqual([
      { id: 0, partition: "forward.a", launch_slot: "norm_0", sms: 6, order: null },
      { id: 1, partition: "forward.a", launch_slot: null, sms: 0, order: null },
      { id: 2, partition: "backward.b", launch_slot: "norm_0", sms: 12, order: null },
      { id: 3, partition: "backward.b", launch_slot: null, sms: 0, order: null },
    ]);
    expect(plan.gpu.clocks_mhz).toEqual([900, 1200, 1410]);
  });

  it("merges the layers of a configuration, and keeps each run outside layers", () => {
    expect(plan.stages[0]?.instructions[0]?.use).toEqual([
      { configuration: 0, layers: [0, 1, 1, 3], nanobatch: 0 },
      { configuration: 1, layers: [], nanobatch: null },
      { configuration: 0, layers: [2], nanobatch: 1 },
      { configuration: 1, layers: [], nanobatch: null },
    ]);
  });

  it("names the order of slots, and tells configurations apart by it", () => {
    const [chosen] = [use("forward.a", 6, [0], 0)];
    const ordered = { ...chosen, evaluation: { ...chosen.evaluation, order: [0] } };
    const both = option(1410, 0.3, 100, [chosen, ordered]);
    const [stage = []] = point().instructions;
    const changed = stage.map((each) => ({ ...each, option: both }));
    const { configurations } = planFile(
      { ...point(), instructions: [changed] },
      0,
      GRAPH,
      FACTS,
      null,
    );
    expect(configurations.map(({ id, order }) => [id, order])).toEqual([
      [0, null],
      [1, [0]],
    ]);
  });

  it("refuses a use of a partition that the graph lacks", () => {
    const empty = { ...GRAPH, partitions: new Map() };
    expect(() => planFile(point(), 0, empty, FACTS, null)).toThrow(/forward\.a/);
  });
});

const LATER: IterationPoint = { ...point(), time_s: 4, energy_j: 1000, lower_bound_j: 999 };
const FRONTIER = frontierFile({
  ...FACTS,
  seed: 0,
  costs: { measured: 0, interpolated: 0, modelled: 42, extrapolated: 0, profiles: [] },
  memory: [{ peak_bytes: 3e10 }, { peak_bytes: 2e10 }],
  expected_error: { time: 0.04, energy: 0.05 },
  errorOf: planErrors({ time: 0.04, energy: 0.05 }),
  search: [
    { partition: "forward.a", space: 18, evaluated: 18, stop: "exhausted" },
    { partition: "forward.b", space: 24000, evaluated: 24, stop: "budget" },
  ],
  baselines: [
    { name: "sequential-max-clock", points: [{ time_s: 3.5, energy_j: 2000 }] },
    { name: "sequential-frequency", points: [{ time_s: 1, energy_j: 5000 }] },
    { name: "nanobatch-frequency", points: [] },
  ],
  frontier: { points: [point(), LATER], energy_optimal_time_s: 4.5 },
});

describe("frontierFile", () => {
  it("counts every GPU of a replica, and says what it draws", () => {
    const [first, second] = FRONTIER.points;
    expect(first?.energy_j).toBe(8 * point().energy_j);
    expect(first?.lower_bound_j).toBe(8 * point().lower_bound_j);
    expect(second?.average_power_w).toBe(2000);
    expect(FRONTIER.baselines[0]?.points).toEqual([{ time_s: 3.5, energy_j: 16000 }]);
  });

  it("agrees with its plans and passes its own reader", () => {
    expect(planFile(point(), 0, GRAPH, FACTS, null).point.energy_j).toBe(
      FRONTIER.points[0]?.energy_j,
    );
    expect(FRONTIER.points.map(({ plan }) => plan)).toEqual(["plans/000.json", "plans/001.json"]);
    expect(readFrontier(writeFrontier(FRONTIER), "f")).toEqual(FRONTIER);
  });
});

describe("gains", () => {
  it("are relative to each baseline, null where never reached, absent where it cannot run", () => {
    const [maxClock, frequency, ...rest] = gainsOf(FRONTIER);
    const energy = 1 - point().energy_j / 2000;
    expect(maxClock?.energy).toBeCloseTo(energy, 12);
    expect(maxClock?.time).toBeCloseTo(1 - 3.05 / 3.5, 12);
    // At 1 s nothing of ours is done; its 5000 J we undercut at 3.05 s, which is slower.
    expect(frequency?.energy).toBeNull();
    expect(frequency?.time).toBeCloseTo(1 - 3.05, 12);
    expect(rest).toEqual([]);
  });

  it("read as a sentence", () => {
    expect(gainSentence({ baseline: "sequential-frequency", energy: 1e-5, time: -1e-5 })).toContain(
      "no less energy in the same time, no less time for the same energy",
    );
    const sentence = gainSentence({
      baseline: "sequential-frequency",
      energy: 0.2308,
      time: -0.05,
    });
    expect(sentence).toBe(
      "Against frequency scaling alone: 23.1% less energy in the same time, 5.0% more time for the same energy.",
    );
    expect(gainSentence({ baseline: "sequential-frequency", energy: null, time: null })).toContain(
      "never as fast as its fastest, never as low in energy as its lowest",
    );
  });
});

describe("what people read", () => {
  it("the page is the same for the same input, and needs nothing from elsewhere", () => {
    const page = reportPage(FRONTIER);
    expect(reportPage(FRONTIER)).toBe(page);
    expect(page).not.toMatch(/<script|<link|src=|https?:\/\/(?!www\.w3\.org)/);
    expect(page).toContain("42 modelled");
    expect(page.match(/plans\/00\d\.json/g)).toHaveLength(2);
  });

  it("the page shows names as text", () => {
    const graph = { name: '<img src="x">&', sha256: "0" };
    const page = reportPage({ ...FRONTIER, graph });
    expect(page).not.toContain("<img");
    expect(page).toContain("&lt;img src=&quot;x&quot;&gt;&amp;");
  });

  it("one point and no baselines still make a page and a summary", () => {
    const [only] = FRONTIER.points;
    const lone: FrontierFile = { ...FRONTIER, baselines: [], points: only ? [only] : [] };
    expect(reportPage(lone)).toContain("plans/000.json");
    expect(frontierSummary(lone)).toContain("1 point\n");
  });

  it("the summary says how the search ended", () => {
    expect(frontierSummary(FRONTIER)).toContain(
      "\n42 evaluations of 2 partition types: 1 searched whole, 1 until the budget was spent.\n",
    );
    const { search: _, ...older } = FRONTIER;
    expect(frontierSummary(older)).not.toContain("evaluations");
  });

  it("the summary spreads at most eight rows and keeps both ends", () => {
    const points = Array.from({ length: 30 }, (_, id) => ({
      id,
      time_s: 1 + id,
      energy_j: 1e5 - id,
      lower_bound_j: 1e5 - id,
      average_power_w: 1,
      plan: `plans/${id}.json`,
    }));
    const rows = frontierSummary({ ...FRONTIER, points }).match(/^ *\d+ .*0\.00%$/gm) ?? [];
    expect(rows).toHaveLength(8);
    expect(rows[0]).toMatch(/^ *0 +1\.000 s/);
    expect(rows.at(-1)).toMatch(/^ *29 +30\.00 s/);
  });
});
