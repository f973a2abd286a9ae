import { expect, test } from "vitest";
import type { Cost, InstructionOption } from "../ir/configuration.js";
import type { IterationPoint } from "../ir/iteration.js";
import { planErrors } from "./expected-error.js";

const MODEL = { time: 0.04, energy: 0.03 };

/** A plan of one instruction: each cost once for each of its layers. */
function pointOf(...costs: readonly (readonly [cost: Cost, layers: number])[]): IterationPoint {
  const use = costs.map(([cost, layers]) => ({
    evaluation: { ...cost, partition: "forward.a", freq_mhz: 1200, launch_slot: null, sms: 0 },
    layers: Array.from({ length: layers }, (_, i) => i),
    nanobatch: null,
  }));
  const option: InstructionOption = {
    ...{ freq_mhz: 1200, execution: "sequential", time_s: 1, energy_j: 1 },
    use: () => use,
  };
  const forward = {
    stage: 0,
    kind: "forward",
    microbatch: 0,
    chunk: 0,
    option,
    start_s: 0,
  } as const;
  return { time_s: 1, energy_j: 1, lower_bound_j: 1, instructions: [[forward]] };
}

const cost = (source: Cost["source"], time_s: number, more: Partial<Cost> = {}): Cost => {
  return { time_s, energy_j: 10 * time_s, source, ...more };
};

test("all modelled: the model's own error", () => {
  expect(planErrors(MODEL)(pointOf([cost("modelled", 1), 3], [cost("modelled", 2), 0]))).toEqual(
    MODEL,
  );
});

test("a share that was measured counts with its spread alone", () => {
  const measured = cost("measured", 1, { time_s_std: 0.01, energy_j_std: 0 });
  // 3 s measured, 1 s modelled: (3 x 0.01 + 0.04) / 4, and 0.03 / 4.
  const point = pointOf([measured, 3], [cost("modelled", 1), 1]);
  expect(planErrors(MODEL)(point)).toEqual({ time: 0.0175, energy: 0.0075 });
});

test("what measurements correct has error bars of its own", () => {
  const corrected = cost("modelled", 2, { time_s_std: 0.02, energy_j_std: 0.4 });
  expect(planErrors(MODEL)(pointOf([corrected, 1]))).toEqual({ time: 0.01, energy: 0.02 });
});

test("where nothing is known of a part, nothing is said of the plan", () => {
  const point = pointOf([cost("measured", 5), 1], [cost("extrapolated", 1), 1]);
  expect(planErrors(null)(point)).toBeNull();
  expect(planErrors(null)(pointOf([cost("measured", 5), 1]))).toEqual({
    ...{ time: 0.0016, energy: 0.013 },
  });
});
