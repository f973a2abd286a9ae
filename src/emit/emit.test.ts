import { describe, expect, it } from "vitest";
import { replay } from "../../test/support/replay.js";
import { FACTS, FRONTIER, GRAPH, option, PARTS, point, use } from "../../test/support/run.js";
import { type FrontierFile, readFrontier, writeFrontier } from "../plan/frontier.js";
import { readPlan, writePlan } from "../plan/plan.js";
import { gainSentence, gainsOf, headline, pointSentence } from "../views/gains.js";
import { frontierSummary } from "../views/summary.js";
import { planFiles } from "./plan.js";

describe("planFiles", () => {
  const plan = planFiles(GRAPH, FACTS, PARTS)(point(), 3);

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

  it("says of every run what it costs and what its time is made of", () => {
    const costs = plan.costs ?? [];
    const told = costs.map(({ configuration }) => configuration);
    expect(told).toEqual(plan.configurations.map(({ id }) => id));
    for (const { time_s, compute_s, exposed_communication_s, throttling_s } of costs) {
      // As PARTS has it, in proportion to the time.
      expect([compute_s, exposed_communication_s, throttling_s]).toEqual([
        time_s / 2,
        time_s / 4,
        time_s / 4,
      ]);
    }
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
    const { configurations } = planFiles(
      GRAPH,
      FACTS,
      PARTS,
    )({ ...point(), instructions: [changed] }, 0);
    expect(configurations.map(({ id, order }) => [id, order])).toEqual([
      [0, null],
      [1, [0]],
    ]);
  });

  it("says of queued communication what it is and from which slot on it may start", () => {
    const sum = { kind: "reduce_scatter", size_bytes: 64, ranks: 4, ranks_per_node: 4 } as const;
    const queued = [false, true].map((dependent) => ({ ...sum, group: "dp", dependent }));
    const types = [...GRAPH.partitions].map(([key, type]) => {
      return [key, key === "forward.a" ? { ...type, queued } : type] as const;
    });
    const summing = planFiles({ ...GRAPH, partitions: new Map(types) }, FACTS, PARTS)(point(), 3);
    const moved = { kind: "reduce_scatter", size_bytes: 64, group: "dp" };
    expect(summing.partitions.map((each) => each.queued)).toEqual([[moved, moved], undefined]);
    expect(summing.configurations.map(({ queued_slots }) => queued_slots)).toEqual([
      ["norm_0", null],
      [null, null],
      undefined,
      undefined,
    ]);
    expect(readPlan(writePlan(summing), "p")).toEqual(summing);
    const [first, ...others] = summing.configurations;
    for (const queued_slots of [undefined, ["norm_0"], ["norm_0", "norm_1"]]) {
      const configurations = [{ ...first, queued_slots }, ...others];
      const broken = { ...summing, version: 1, configurations };
      expect(() => readPlan(JSON.stringify(broken), "p")).toThrow(/queued_slots/);
    }
  });

  it("refuses a use of a partition that the graph lacks", () => {
    const empty = { ...GRAPH, partitions: new Map() };
    expect(() => planFiles(empty, FACTS, PARTS)(point(), 0)).toThrow(/forward\.a/);
  });
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
    expect(planFiles(GRAPH, FACTS, PARTS)(point(), 0).point.energy_j).toBe(
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

/** Too narrow for a plot. */
const LOOK = { width: 0, unicode: false, paint: (_: number, text: string) => text };

describe("the sentence that matters", () => {
  const against = (
    name: "sequential-frequency" | "nanobatch-frequency",
    ...points: number[][]
  ) => ({
    ...FRONTIER,
    points: FRONTIER.points.map((each, i) => ({ ...each, time_s: 4 + i, energy_j: 80 - 20 * i })),
    baselines: [
      { name, points: points.map(([time_s = 0, energy_j = 0]) => ({ time_s, energy_j })) },
    ],
  });

  it("is against frequency scaling alone where that is known", () => {
    expect(headline(against("sequential-frequency", [5, 100], [6, 75]))?.sentence).toBe(
      "At the same time, 40.0% less energy than frequency scaling alone; for the same energy, 16.7% less time.",
    );
    expect(headline(against("nanobatch-frequency", [4, 100], [5, 50]))?.sentence).toBe(
      "At the same time, 20.0% less energy than nanobatches with frequency scaling.",
    );
    expect(headline(against("sequential-frequency", [2, 90], [3, 85]))?.sentence).toBe(
      "For the same energy, 33.3% more time than frequency scaling alone.",
    );
    expect(headline(against("sequential-frequency", [2, 50], [3, 45]))).toBeNull();
  });

  it("tells of a point what the baseline needs in that time, or at its fastest", () => {
    const frontier = against("sequential-frequency", [5, 100], [6, 75]);
    expect(pointSentence(frontier, { time_s: 5.5, energy_j: 60 })).toBe(
      "31.4% less energy than frequency scaling alone needs in that time.",
    );
    expect(pointSentence(frontier, { time_s: 4, energy_j: 80 })).toBe(
      "20.0% less time and 20.0% less energy than frequency scaling alone at its fastest.",
    );
    expect(pointSentence({ ...frontier, baselines: [] }, { time_s: 4, energy_j: 80 })).toBeNull();
  });
});

describe("what people read", () => {
  it("one point and no baselines still make a summary", () => {
    const [only] = FRONTIER.points;
    const lone: FrontierFile = { ...FRONTIER, baselines: [], points: only ? [only] : [] };
    expect(frontierSummary(lone, LOOK)).toContain("1 point\n");
  });

  it("the summary says how the search ended", () => {
    expect(frontierSummary(FRONTIER, LOOK)).toContain(
      "\n42 evaluations of 2 partition types: 1 searched whole, 1 until the budget was spent.\n",
    );
    const { search: _, ...older } = FRONTIER;
    expect(frontierSummary(older, LOOK)).not.toContain("evaluations");
  });

  it("the summary says how far off the plans may be, where measurements say less than the model's error", () => {
    const whole = "Expected error where not measured: 4% in time, 5% in energy";
    expect(frontierSummary(FRONTIER, LOOK)).toContain(`${whole}.\n`);
    const measured = [0.01, 0.02].map((time) => ({ time, energy: 0.03 - time }));
    const points = FRONTIER.points.map((each, i) => {
      return { ...each, expected_error: measured[i] ?? { time: 0, energy: 0 } };
    });
    expect(frontierSummary({ ...FRONTIER, points }, LOOK)).toContain(
      `${whole}; of these plans at most 2% in time, 2% in energy.\n`,
    );
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
    const rows = frontierSummary({ ...FRONTIER, points }, LOOK).match(/^ *\d+ .* optimal$/gm) ?? [];
    expect(rows).toHaveLength(8);
    expect(rows[0]).toMatch(/^ *0 +1\.000 s/);
    expect(rows.at(-1)).toMatch(/^ *29 +30\.00 s/);
  });
});
