import fc from "fast-check";
import { expect, test } from "vitest";
import type { Scope } from "../../plan/explanation.js";
import type { CostedPlan } from "../../plan/plan.js";
import { decompose } from "./decompose.js";

const part = fc.double({ min: 0, max: 1, noNaN: true });

/** A run's cost: parts that add up to its time, and energy above or below static power x time. */
const cost = fc.tuple(part, part, part, part, fc.double({ min: 0, max: 500, noNaN: true }));

/** Uses of an instruction: which configuration, how many layers; and what a switch adds. */
const instruction = fc.record({
  uses: fc.array(fc.tuple(fc.nat(3), fc.nat(4)), { maxLength: 4 }),
  longer_s: fc.option(part),
  tail: fc.boolean(),
});

const scenario = fc.record({
  costs: fc.tuple(cost, cost, cost, cost),
  stages: fc.array(fc.array(instruction, { maxLength: 4 }), { minLength: 1, maxLength: 3 }),
  wait_s: part,
  static_power_w: fc.double({ min: 1, max: 300, noNaN: true }),
  tp: fc.integer({ min: 1, max: 8 }),
});

function planOf({ costs, stages, wait_s, static_power_w, tp }: ScenarioOf): CostedPlan {
  const listed = costs.map(([compute_s, contention_s, exposed_s, throttling_s, power_w], id) => {
    const time_s = compute_s + contention_s + exposed_s + throttling_s;
    return {
      ...{ configuration: id, freq_mhz: 1200, source: "modelled" as const, time_s },
      ...{ energy_j: power_w * time_s, compute_s, contention_s, throttling_s },
      exposed_communication_s: exposed_s,
    };
  });
  const timed = stages.map((list) => {
    let start_s = 0;
    return list.map(({ uses, longer_s, tail }) => {
      let [time_s, energy_j] = [longer_s ?? 0, 300 * (longer_s ?? 0)];
      for (const [id, layers] of uses) {
        time_s += Math.max(1, layers) * (listed[id]?.time_s ?? 0);
        energy_j += Math.max(1, layers) * (listed[id]?.energy_j ?? 0);
      }
      const started = { start_s, time_s, energy_j };
      start_s += time_s;
      return {
        ...{ kind: tail ? ("tail" as const) : ("forward" as const), microbatch: 0, chunk: 0 },
        ...{ freq_mhz: 1200, execution: "sequential" as const, ...started },
        ...(longer_s === null ? {} : { switch_from_mhz: 900 }),
        use: uses.map(([configuration, layers]) => ({
          ...{
            configuration,
            layers: Array.from({ length: layers }, (_, i) => i),
            nanobatch: null,
          },
        })),
      };
    });
  });
  const busy = timed.map((list) => list.reduce((sum, { time_s }) => sum + time_s, 0));
  const time_s = Math.max(...busy) + wait_s;
  const spent_j = timed.flat().reduce((sum, { energy_j }) => sum + energy_j, 0);
  const idle_s = timed.length * time_s - busy.reduce((sum, own_s) => sum + own_s, 0);
  const parallelism = {
    ...{ tp, cp: 1, ep: 1, pp: timed.length, dp: 1, microbatches: 1, chunks: 1 },
    ...{ pipeline: "1f1b" as const, recompute: "none" as const },
  };
  return {
    format: "kareus-plan",
    version: 2,
    graph: { name: "any", sha256: "" },
    gpu: { name: "any", sm_count: 1, clocks_mhz: [1200] },
    ...{ parallelism, static_power_w },
    point: { id: 0, time_s, energy_j: tp * (spent_j + static_power_w * idle_s) },
    partitions: [0, 1].map((key) => ({
      ...{ key: `forward.${key}`, direction: "forward", slots: [], communication: null },
    })),
    configurations: listed.map((_, id) => ({
      ...{ id, partition: `forward.${id % 2}`, launch_slot: null, sms: 0, order: null },
    })),
    costs: listed,
    stages: timed.map((instructions, stage) => ({ stage, instructions })),
  };
}

type ScenarioOf = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

/** Within 1e-12 of the larger. */
function expectEqual(a: number, b: number, scale = Math.max(Math.abs(a), Math.abs(b))): void {
  // Numbers near the smallest that there are have no digits to compare.
  expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-12 * scale + 1e-300);
}

function expectAddsUp({ causes, dynamic_j, time_s, energy_j }: Scope): void {
  const shares = Object.values(causes);
  const sum_s = shares.reduce((sum, share) => sum + share.time_s, 0);
  const sum_j = shares.reduce((sum, share) => sum + share.static_j, dynamic_j);
  expectEqual(sum_s, time_s);
  expectEqual(sum_j, energy_j);
}

test("rows add up: causes to scopes, stages and partitions to the total, the total to the point", () => {
  fc.assert(
    fc.property(scenario, (drawn) => {
      const plan = planOf(drawn);
      const { total, stages, partitions } = decompose(plan);
      expectEqual(total.time_s, plan.stages.length * plan.point.time_s);
      const static_j = plan.parallelism.tp * plan.static_power_w * total.time_s;
      const scale = static_j + Math.abs(total.dynamic_j) + plan.point.energy_j;
      expectEqual(total.energy_j, plan.point.energy_j, scale);
      for (const scope of [total, ...stages, ...partitions.values()]) expectAddsUp(scope);
      for (const stage of stages) expectEqual(stage.time_s, plan.point.time_s);
      const sum_j = stages.reduce((sum, { energy_j }) => sum + energy_j, 0);
      expectEqual(sum_j, total.energy_j, scale);
      // What no partition runs is a switch or a bubble.
      const run_s = [...partitions.values()].reduce((sum, { time_s }) => sum + time_s, 0);
      const rest_s = total.causes.clock_switches.time_s + total.causes.bubbles.time_s;
      expectEqual(run_s + rest_s, total.time_s);
    }),
    { seed: 5, numRuns: 200 },
  );
});
