import { expect, test } from "vitest";
import { at } from "../../base/need.js";
import type { InstructionOption } from "../../ir/configuration.js";
import type { PipelineProblem } from "../../ir/iteration.js";
import { type Network, networkOf } from "../network.js";
import { nonDominated } from "../non-dominated.js";
import { problemOfOptions } from "../problem.js";
import { replay } from "../replay.js";
import { switchedNetwork } from "../switching/switched-network.js";
import { DrawnPlan } from "./drawn-plan.js";
import { Staggering } from "./staggering.js";

const STATIC_W = 60;

/** An instruction at three clocks: faster and dearer, static power counted. */
const options = (fastest_s: number, share = 1): InstructionOption[] =>
  [
    [1, 400],
    [1.15, 300],
    [1.5, 200],
  ].map(([longer = 1, power_w = 0], k) => ({
    time_s: fastest_s * longer,
    energy_j: fastest_s * longer * power_w * share,
    freq_mhz: 1400 - 300 * k,
    execution: "sequential",
    use: () => [],
  }));

/** Two stages of different speed, three microbatches, or fewer. */
const problem = (microbatches: number, switch_time_s = 0): PipelineProblem =>
  problemOfOptions(
    [1, 1.3].map((slower) => ({
      forward: options(0.1 * slower, 0.8),
      backward: options(0.2 * slower),
    })),
    2,
    { microbatches, static_power_w: STATIC_W, switch_time_s },
  );

/** What two stages draw at most: sums at the start of each instruction, from the definition. */
function peakOf(network: Network, choice: readonly number[], start_s: Float64Array): number {
  const runs = network.instructions.map(({ stage }, i) => {
    const option = at(at(network.sets, i).options, at(choice, i));
    const start = at(start_s, i);
    return { stage, start, end: start + option.time_s, power_w: option.energy_j / option.time_s };
  });
  const drawn = runs.map(({ start }) =>
    [0, 1].reduce((sum, stage) => {
      const moment = start + 1e-9;
      const own = runs.find((r) => r.stage === stage && r.start <= moment && moment < r.end);
      return sum + (own?.power_w ?? STATIC_W);
    }, 0),
  );
  return Math.max(...drawn);
}

/** Every plan there is, those under a limit that no other beats. */
function bruteForce(network: Network, limit_w: number) {
  const plans: { time_s: number; energy_j: number; lower_bound_j: number; instructions: [] }[] = [];
  const size = network.sets.length;
  for (let number = 0; number < 3 ** size; number++) {
    const choice = Array.from({ length: size }, (_, i) => Math.floor(number / 3 ** i) % 3);
    const { time_s, energy_j, start_s } = replay(network, choice);
    if (peakOf(network, choice, start_s) <= limit_w)
      plans.push({ time_s, energy_j, lower_bound_j: 0, instructions: [] });
  }
  return nonDominated(plans);
}

test("finds nearly what trying every plan finds", () => {
  const plain = networkOf(problem(2));
  const network = switchedNetwork(problem(2), plain);
  // All at the lowest clock, the first option there, keeps every limit.
  const slowest = Int32Array.from(plain.sets, () => 0);
  for (const limit_w of [655, 525, 455]) {
    const exact = bruteForce(plain, limit_w);
    const found = new Staggering(network, limit_w, 0).search([slowest]);
    expect(found[0]?.time_s).toBeLessThanOrEqual((exact[0]?.time_s ?? 0) * (1 + 1e-9));
    expect(found[0]?.time_s).toBeGreaterThanOrEqual((exact[0]?.time_s ?? 0) * (1 - 1e-9));
    const losses = exact.map((best) => {
      const own = found.filter(({ time_s }) => time_s <= best.time_s * (1 + 1e-9)).at(-1);
      return (own?.energy_j ?? Number.POSITIVE_INFINITY) / best.energy_j - 1;
    });
    expect(Math.max(...losses)).toBeLessThan(0.01);
    for (const { time_s, energy_j } of found) {
      const best = exact.filter((each) => each.time_s <= time_s * (1 + 1e-9)).at(-1);
      expect(energy_j).toBeGreaterThanOrEqual((best?.energy_j ?? 0) * (1 - 1e-9));
    }
  }
});

test("with switches charged, what is returned plays out as the network has it and keeps the limit", () => {
  const charged = problem(3, 0.005);
  const network = switchedNetwork(charged, networkOf(charged));
  const slowest = new Int32Array(network.sets.length);
  const search = () => new Staggering(network, 560, 0.005).search([slowest]);
  const found = search();
  expect(search()).toEqual(found);
  expect(found.length).toBeGreaterThan(3);
  const plan = new DrawnPlan(network, true);
  for (const { choice, time_s, energy_j } of found) {
    plan.options.set(choice.map((k) => Math.floor(k / network.clocks_mhz.length)));
    plan.play();
    expect(plan.drawn.firstAbove(560 * (1 + 1e-9))).toBeNull();
    expect(plan.time_s).toBeCloseTo(time_s, 12);
    expect(plan.energy_j).toBeCloseTo(energy_j, 9);
    // Also by the network's own account of the options chosen.
    const options = network.sets.map((set, i) => set.option(at(choice, i)));
    const switched = options.filter((option) => option.switched !== undefined);
    expect(switched.length).toBeLessThan(options.length);
    expect(replay(network, choice).time_s).toBe(time_s);
  }
  const mean_w = at(found, 0).energy_j / at(found, 0).time_s;
  expect(mean_w).toBeLessThan(560);
});

test("instructions too short for a switch share a clock, whatever would save more", () => {
  const short = problem(3, 0.1);
  const network = switchedNetwork(short, networkOf(short));
  const found = new Staggering(network, 560, 0.1).search([new Int32Array(network.sets.length)]);
  expect(found.length).toBeGreaterThan(1);
  for (const { choice } of found) {
    const chosen = network.sets.map((set, i) => set.option(at(choice, i)));
    expect(chosen.filter(({ switched }) => switched !== undefined)).toEqual([]);
    for (const stage of [0, 1]) {
      const own = chosen.filter((_, i) => at(network.instructions, i).stage === stage);
      expect(new Set(own.map(({ freq_mhz }) => freq_mhz)).size).toBe(1);
    }
  }
});
