import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DiagnosticError } from "../base/diagnostics/diagnostic.js";
import { type PlanFile, readPlan, writePlan } from "./plan.js";

const KEY = "forward.0123456789ab";
const [STAGES, CONFIGURATIONS] = [2, 3];
/** From here on a plan is written with tables. */
const MANY = 1001;

const number = fc.double({ min: 0, max: 1e6, noNaN: true }).map((value) => value + 0);
const index = (count: number) => fc.nat(count - 1);
const lists = <T>(item: fc.Arbitrary<T>, maxLength = 4) => fc.array(item, { maxLength });

const uses = lists(
  fc.record({
    configuration: index(CONFIGURATIONS),
    layers: lists(fc.nat(40)),
    nanobatch: fc.constantFrom(0 as const, 1 as const, null),
  }),
);

const runs = fc.record(
  {
    freq_mhz: fc.constantFrom(900, 1200, 1410),
    switch_from_mhz: fc.constantFrom(900, 1410),
    launch_time_s: number,
    execution: fc.constantFrom("nanobatched" as const, "sequential" as const),
    use: uses,
    time_s: number,
    energy_j: number,
  },
  { requiredKeys: ["freq_mhz", "execution", "use", "time_s", "energy_j"] },
);

const cost = fc.record({
  configuration: index(CONFIGURATIONS),
  freq_mhz: fc.constantFrom(900, 1200, 1410),
  source: fc.constantFrom("measured" as const, "modelled" as const),
  time_s: number,
  energy_j: number,
  compute_s: number,
  contention_s: number,
  exposed_communication_s: number,
  throttling_s: number,
});

/** A plan of two stages that pick from a few ways to run, in a random order. */
const plans = fc
  .record({
    ways: fc.array(runs, { minLength: 1, maxLength: 6 }),
    picks: fc.array(fc.nat(), { minLength: 1, maxLength: 12 }),
    costs: fc.option(lists(cost), { nil: undefined }),
    count: fc.constantFrom(1, 3, MANY - 1, MANY, MANY + 7),
  })
  .map(({ ways, picks, costs, count }): PlanFile => {
    const pick = <T>(list: readonly T[], at: number) => list[at % list.length] as NonNullable<T>;
    const all = Array.from({ length: count }, (_, i) => ({
      kind: "forward" as const,
      microbatch: i,
      chunk: i % 2,
      start_s: i / 3,
      ...pick(ways, pick(picks, i)),
    }));
    const half = Math.floor(count / STAGES);
    return {
      ...{ format: "kareus-plan", version: 2, graph: { name: "made", sha256: "ab" } },
      gpu: { name: "a100-sxm4-40gb", sm_count: 108, clocks_mhz: [900, 1200, 1410] },
      parallelism: {
        ...{ tp: 1, cp: 1, ep: 1, pp: STAGES, dp: 1, microbatches: count },
        ...{ pipeline: "1f1b", chunks: 2, recompute: "none" },
      },
      ...{ static_power_w: 85, point: { id: 0, time_s: 2, energy_j: 300 } },
      partitions: [
        {
          ...{ key: KEY, direction: "forward" },
          slots: [{ name: "norm_0", nodes: ["n"] }],
          communication: null,
        },
      ],
      configurations: Array.from({ length: CONFIGURATIONS }, (_, id) => ({
        ...{ id, partition: KEY, launch_slot: null, sms: id, order: null },
      })),
      ...(costs === undefined ? {} : { costs }),
      stages: [all.slice(0, half), all.slice(half)].map((instructions, stage) => ({
        stage,
        instructions,
      })),
    };
  });

const versionOf = (text: string) => (JSON.parse(text) as { version: number }).version;

describe("versions of plan.json", () => {
  it("say the same: what is written with variants or tables is read as what is spelled out", () => {
    const seen = new Set<number>();
    fc.assert(
      fc.property(plans, (plan) => {
        const text = writePlan(plan);
        seen.add(versionOf(text));
        const spelledOut = readPlan(JSON.stringify({ ...plan, version: 1 }), "p");
        expect(readPlan(text, "p")).toEqual(spelledOut);
        expect(writePlan(spelledOut)).toBe(text);
        const count = plan.stages.flatMap(({ instructions }) => instructions).length;
        expect(versionOf(text)).toBe(count < MANY ? 2 : 3);
      }),
      { seed: 0, numRuns: 60 },
    );
    expect(seen).toEqual(new Set([2, 3]));
  });
});

interface Tables {
  readonly uses: { configuration: number; layers: number[] }[][];
  readonly variants: { use: number }[];
  readonly stages: { layers: number[]; instructions: { variant: number }[] }[];
  readonly costs: Record<string, unknown[]>;
}

describe("version 3", () => {
  /** The same instructions on two stages, each on a layer of its own. */
  const plan = (): PlanFile => {
    const [made] = fc.sample(
      plans.filter(({ costs }) => (costs ?? []).length > 1),
      { seed: 0, numRuns: 1 },
    );
    if (made === undefined) throw new Error("no plan");
    const stages = [0, 1].map((stage) => ({
      stage,
      instructions: Array.from({ length: MANY }, (_, microbatch) => ({
        ...{ kind: "forward" as const, microbatch, chunk: 0, start_s: microbatch },
        ...{ freq_mhz: 1410, execution: "sequential" as const, time_s: 1, energy_j: 2 },
        use: [{ configuration: 1, layers: [10 + stage, 20 + stage], nanobatch: null }],
      })),
    }));
    return { ...made, stages };
  };
  const text = writePlan(plan());
  const file = JSON.parse(text) as Tables;

  it("holds once what stages share", () => {
    expect(file.uses).toEqual([[{ configuration: 1, layers: [0, 1], nanobatch: null }]]);
    expect(file.variants).toHaveLength(1);
    expect(file.stages.map(({ layers }) => layers)).toEqual([
      [10, 20],
      [11, 21],
    ]);
    expect(readPlan(text, "p").stages).toEqual(plan().stages);
  });

  it("has an instruction on a line, and no spaces", () => {
    expect(text.split("\n")).toContain(
      '{"kind":"forward","microbatch":7,"chunk":0,"variant":0,"start_s":7},',
    );
  });

  it.each<[string, (changed: Tables) => void]>([
    [".variants[0].use", ({ variants: [first] }) => Object.assign(first ?? {}, { use: 1 })],
    [
      ".uses[0][0].configuration",
      ({ uses }) => Object.assign(uses[0]?.[0] ?? {}, { configuration: 9 }),
    ],
    [".stages[1].instructions[0].variant", ({ stages }) => stages[1]?.layers.pop()],
    [
      ".stages[0].instructions[3].variant",
      ({ stages }) => Object.assign(stages[0]?.instructions[3] ?? {}, { variant: 1 }),
    ],
    [".costs", ({ costs }) => costs.time_s?.pop()],
  ])("is refused where %s names what is not there", (place, change) => {
    const changed = JSON.parse(text) as Tables;
    change(changed);
    let found = "nothing";
    try {
      readPlan(JSON.stringify(changed), "p");
    } catch (cause) {
      if (!(cause instanceof DiagnosticError)) throw cause;
      found = cause.diagnostics.map(({ code, where }) => `${code} ${where}`).join();
    }
    expect(found).toBe(`KRS4104 p at ${place}`);
  });
});
