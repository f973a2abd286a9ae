import { describe, expect, it } from "vitest";
import { DiagnosticError } from "../base/diagnostics/diagnostic.js";
import { type FrontierFile, readFrontier, writeFrontier } from "./frontier.js";
import { type InstanceFile, readInstance, writeInstance } from "./instance.js";
import { type PlanFile, readPlan, writePlan } from "./plan.js";
import { readSolution, type SolutionFile, writeSolution } from "./solution.js";

/** The example of the contract. */
const FRONTIER: FrontierFile = {
  format: "kareus-frontier",
  version: 1,
  graph: { name: "llama", sha256: "ab" },
  gpu: "a100-sxm4-40gb",
  seed: 0,
  static_power_w: 85,
  parallelism: {
    tp: 8,
    cp: 1,
    ep: 1,
    pp: 2,
    dp: 1,
    microbatches: 8,
    pipeline: "1f1b",
    chunks: 1,
    recompute: "full",
  },
  costs: { measured: 0, interpolated: 0, modelled: 2688, extrapolated: 0, profiles: [] },
  energy_optimal_time_s: 5.5,
  baselines: [{ name: "sequential-max-clock", points: [{ time_s: 5.11, energy_j: 24600 }] }],
  points: [
    {
      id: 0,
      time_s: 4.35,
      energy_j: 22088,
      lower_bound_j: 22060,
      average_power_w: 5077,
      plan: "plans/000.json",
    },
    {
      id: 1,
      time_s: 4.5,
      energy_j: 21000,
      lower_bound_j: 20990,
      average_power_w: 4667,
      plan: "plans/001.json",
    },
  ],
};

const PLAN: PlanFile = {
  format: "kareus-plan",
  version: 2,
  graph: FRONTIER.graph,
  gpu: { name: "a100-sxm4-40gb", sm_count: 108, clocks_mhz: [1410] },
  parallelism: FRONTIER.parallelism,
  static_power_w: 85,
  point: { id: 0, time_s: 2, energy_j: 300 },
  partitions: [
    {
      key: "forward.0123456789ab",
      direction: "forward",
      slots: [{ name: "norm_0", nodes: ["/norm"] }],
      communication: { kind: "all_reduce", size_bytes: 1024, group: "tp" },
    },
  ],
  configurations: [
    { id: 0, partition: "forward.0123456789ab", launch_slot: "norm_0", sms: 6, order: null },
  ],
  stages: [
    {
      stage: 0,
      instructions: [
        {
          kind: "forward",
          microbatch: 0,
          chunk: 0,
          freq_mhz: 1410,
          execution: "nanobatched",
          use: [
            { configuration: 0, layers: Array.from({ length: 28 }, (_, i) => i), nanobatch: 1 },
          ],
          start_s: 0,
          time_s: 2,
          energy_j: 300,
        },
        {
          kind: "tail",
          microbatch: null,
          chunk: 0,
          freq_mhz: 1410,
          execution: "sequential",
          use: [{ configuration: 0, layers: [], nanobatch: null }],
          start_s: 2,
          time_s: 1,
          energy_j: 100,
        },
      ],
    },
    { stage: 1, instructions: [] },
  ],
};

/** `CODE where` of the diagnostic that an action ends in. */
function complaint(action: () => unknown): string {
  try {
    action();
  } catch (cause) {
    if (!(cause instanceof DiagnosticError)) throw cause;
    return cause.diagnostics.map(({ code, where }) => `${code} ${where}`).join();
  }
  return "none";
}

const edited = (data: unknown, changes: object): string =>
  JSON.stringify({ ...(data as object), ...changes });

describe("frontier.json", () => {
  it("comes back as it was written", () => {
    expect(readFrontier(writeFrontier(FRONTIER), "f")).toEqual(FRONTIER);
  });

  it("is written in the order of the contract, whatever the order of the object", () => {
    const shuffled = Object.fromEntries(Object.entries(FRONTIER).reverse()) as FrontierFile;
    expect(writeFrontier(shuffled)).toBe(writeFrontier(FRONTIER));
    expect(Object.keys(JSON.parse(writeFrontier(shuffled)))).toEqual(Object.keys(FRONTIER));
    expect(writeFrontier(FRONTIER).endsWith("}\n")).toBe(true);
  });

  it.each(["../000.json", "/etc/passwd", "plans/../../a", "", "plans/", ".hidden", "a\\b"])(
    "names plans below its own folder alone, not %j",
    (plan) => {
      const points = FRONTIER.points.map((point) => ({ ...point, plan }));
      const read = () => readFrontier(edited(FRONTIER, { points }), "f");
      expect(complaint(read)).toBe("KRS4104 f at .points[0].plan");
    },
  );

  it("ignores keys that it does not know", () => {
    expect(readFrontier(edited(FRONTIER, { extra: 1 }), "f")).toEqual(FRONTIER);
  });

  it.each<[string, string, string]>([
    ["KRS4101 f", "not JSON", "{"],
    ["KRS4101 f", "empty", ""],
    ["KRS4102 f", "null", "null"],
    ["KRS4102 f", "a list", "[]"],
    ["KRS4102 f", "no format", "{}"],
    ["KRS4102 f", "a plan", writePlan(PLAN)],
    ["KRS4103 f", "newer", edited(FRONTIER, { version: 2 })],
    ["KRS4104 f at .version", "version is a text", edited(FRONTIER, { version: "1" })],
    ["KRS4104 f at .graph", "no graph", edited(FRONTIER, { graph: undefined })],
    [
      "KRS4104 f at .points[1]",
      "not descending",
      edited(FRONTIER, { points: [FRONTIER.points[1], FRONTIER.points[0]] }),
    ],
    [
      "KRS4104 f at .points[0].time_s",
      "a time below zero",
      edited(FRONTIER, { points: [{ ...FRONTIER.points[0], time_s: -1 }] }),
    ],
    [
      "KRS4104 f at .points[1].id",
      "an id twice",
      edited(FRONTIER, { points: FRONTIER.points.map((point) => ({ ...point, id: 7 })) }),
    ],
  ])("says %s when it is %s", (expected, _what, text) => {
    expect(complaint(() => readFrontier(text, "f"))).toBe(expected);
  });
});

describe("plan.json", () => {
  const where = (text: string) => complaint(() => readPlan(text, "p"));
  const SPELLED_OUT = { ...PLAN, version: 1 };

  it("reads version 1, in which every instruction is spelled out", () => {
    expect(readPlan(JSON.stringify(SPELLED_OUT), "p")).toEqual(PLAN);
  });

  it("holds what instructions have in common once, and names a variant that is not there", () => {
    const twice = PLAN.stages.map((each) => ({
      ...each,
      instructions: [...each.instructions, ...each.instructions],
    }));
    const text = writePlan({ ...PLAN, stages: twice });
    const file = JSON.parse(text) as { variants: object[]; stages: PlanFile["stages"] };
    const plain = JSON.parse(writePlan(PLAN)) as { variants: object[] };
    expect(file.variants).toEqual(plain.variants);
    expect(readPlan(text, "p").stages).toEqual(twice);
    expect(where(JSON.stringify({ ...file, variants: [] }))).toBe(
      "KRS4104 p at .stages[0].instructions[0].variant",
    );
    const [first, ...others] = file.variants;
    const dangling = { ...first, use: [{ configuration: 9, layers: [], nanobatch: null }] };
    expect(where(JSON.stringify({ ...file, variants: [dangling, ...others] }))).toBe(
      "KRS4104 p at .variants[0].use[0].configuration",
    );
  });

  it("comes back as it was written", () => {
    expect(readPlan(writePlan(PLAN), "p")).toEqual(PLAN);
  });

  it("keeps a list of layers on one line", () => {
    const line = writePlan(PLAN)
      .split("\n")
      .find((text) => text.includes('"layers"'));
    expect(line).toContain("25, 26, 27]");
  });

  it("names a configuration, a partition, a slot and an order that are not there", () => {
    const [configuration] = PLAN.configurations;
    const plan = (changes: object) =>
      edited(SPELLED_OUT, { configurations: [{ ...configuration, ...changes }] });
    expect(where(plan({ id: 9 }))).toBe(
      "KRS4104 p at .stages[0].instructions[0].use[0].configuration",
    );
    expect(where(plan({ partition: "forward.x" }))).toBe(
      "KRS4104 p at .configurations[0].partition",
    );
    expect(where(plan({ launch_slot: "rope_0" }))).toBe(
      "KRS4104 p at .configurations[0].launch_slot",
    );
    expect(where(plan({ launch_slot: null }))).toBe("none");
    expect(where(plan({ order: [0] }))).toBe("none");
    for (const order of [[], [1], [0, 0]]) {
      expect(where(plan({ order }))).toBe("KRS4104 p at .configurations[0].order");
    }
  });

  it("has every stage of the pipeline, in order", () => {
    for (const stages of [[], PLAN.stages.slice(0, 1), [...PLAN.stages, ...PLAN.stages]]) {
      expect(where(edited(SPELLED_OUT, { stages }))).toMatch(/^KRS4104 p at .stages/);
    }
    expect(where(edited(SPELLED_OUT, { stages: PLAN.stages.toReversed() }))).toBe(
      "KRS4104 p at .stages[0].stage",
    );
  });

  it("is never written with what its own reader refuses", () => {
    expect(() => writePlan({ ...PLAN, static_power_w: Number.NaN })).toThrow();
  });
});

/** The example of the contract, with everything that is optional. */
const INSTANCE: InstanceFile = {
  format: "kareus-instance",
  version: 1,
  name: "p2x4",
  stages: 2,
  microbatches: 4,
  pipeline: "1f1b",
  static_power_w: 85,
  transfer_s: 0.001,
  options: [
    {
      forward: [{ time_s: 0.154, energy_j: 26.06, freq_mhz: 900 }],
      backward: [{ time_s: 0.3, energy_j: 55, freq_mhz: 900 }],
    },
    {
      forward: [{ time_s: 0.1, energy_j: 26.06 }],
      input_gradient: [{ time_s: 0.2, energy_j: 30 }],
      weight_gradient: [{ time_s: 0.1, energy_j: 25 }],
    },
  ],
  tail: [[{ time_s: 0.05, energy_j: 4 }], [{ time_s: 0.06, energy_j: 5 }]],
};

const SOLUTION: SolutionFile = {
  format: "kareus-solution",
  version: 1,
  energy_optimal_time_s: 2.7,
  points: [
    {
      time_s: 2.05,
      energy_j: 1052,
      lower_bound_j: 1049,
      choice: [
        [0, 1, 2],
        [3, 0, 0],
      ],
    },
  ],
  stop: "complete",
};

describe("instances and solutions", () => {
  it("come back as they were written", () => {
    expect(readInstance(writeInstance(INSTANCE), "i")).toEqual(INSTANCE);
    expect(readSolution(writeSolution(SOLUTION), "s")).toEqual(SOLUTION);
  });

  it("need no more than the contract's example holds", () => {
    const { transfer_s, tail, ...required } = INSTANCE;
    expect(readInstance(JSON.stringify(required), "i")).toEqual(required);
  });

  it.each<[string, object]>([
    ["KRS4102 i", { format: "kareus-solution" }],
    ["KRS4103 i", { version: 2 }],
    ["KRS4104 i at .pipeline", { pipeline: "2f2b" }],
    ["KRS4104 i at .microbatches", { microbatches: 0 }],
    ["KRS4104 i at .options", { options: [] }],
    ["KRS4104 i at .options[0].forward", { options: [{ forward: [] }] }],
    ["KRS4104 i at .tail[1]", { tail: [[{ time_s: 0, energy_j: 0 }], []] }],
    ["KRS4104 i at .static_power_w", { static_power_w: -1 }],
  ])("says %s to %j", (expected, changes) => {
    expect(complaint(() => readInstance(edited(INSTANCE, changes), "i"))).toBe(expected);
  });

  it("keep the choice of a stage on one line", () => {
    expect(writeSolution(SOLUTION)).toMatch(/\[0, 1, 2\]/);
  });
});
