import fc from "fast-check";
import { expect, test } from "vitest";
import { clockedProblems } from "../../../test/support/switches.js";
import { at } from "../../base/need.js";
import { networkOf } from "../network.js";
import { switchedNetwork } from "./switched-network.js";
import { SwitchedPlan } from "./switched-plan.js";

const problems = clockedProblems({ stages: 3, microbatches: 4, clocks: 3 });

test("the way through several is the longest through one of them, and through all what the pipeline takes", () => {
  fc.assert(
    fc.property(problems, fc.infiniteStream(fc.nat(2)), (problem, picks) => {
      const network = switchedNetwork(problem, networkOf(problem));
      const plan = new SwitchedPlan(network);
      const options = network.sets.map(({ numbers }) => at([...picks.take(1)], 0) % numbers.size);
      plan.load(options);
      const singly = Array.from({ length: plan.size }, (_, p) => plan.through([p]));
      expect(Math.max(...singly)).toBeCloseTo(plan.time_s, 9);
      let first = 0;
      for (const { length } of problem.order) {
        const places = Array.from({ length }, (_, k) => at(plan.place, first + k));
        for (let k = 0; k < length; k++) {
          const some = places.slice(0, k + 1);
          const longest_s = Math.max(...some.map((p) => at(singly, p)));
          expect(plan.through(some)).toBeCloseTo(longest_s, 9);
        }
        first += length;
      }
    }),
    { seed: 5, numRuns: 200 },
  );
});

test("a change is in the way through what changed before it is followed up", () => {
  const alone = clockedProblems({ stages: 1, microbatches: 4, clocks: 3 });
  const one = fc.sample(alone, { seed: 9, numRuns: 50 });
  let moved = 0;
  for (const problem of one) {
    const network = switchedNetwork(problem, networkOf(problem));
    const plan = new SwitchedPlan(network);
    plan.load(network.sets.map(() => 0));
    const before_s = plan.through([0]);
    plan.change(0, plan.optionsOf(0) - 1);
    const tried_s = plan.through([0]);
    if (tried_s !== before_s) moved++;
    plan.settle(Number.POSITIVE_INFINITY);
    expect(plan.through([0])).toBeCloseTo(tried_s, 9);
  }
  expect(moved).toBeGreaterThan(10);
});
