import fc from "fast-check";
import { expect, test } from "vitest";
import { richProblem } from "../../test/support/pipelines.js";
import { networkOf } from "./network.js";
import { replay } from "./replay.js";
import { TimedPlan } from "./timed-plan.js";

const network = networkOf({ ...richProblem(3, 5, 6), transfer_s: 0.01 });

test("follows every change as if all were taken anew, and takes changes back", () => {
  const n = network.sets.length;
  const change = fc.tuple(fc.nat({ max: n - 1 }), fc.nat({ max: 99 }));
  const steps = fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { maxLength: 12 });
  fc.assert(
    fc.property(steps, (list) => {
      const [plan, anew] = [new TimedPlan(network), new TimedPlan(network)];
      plan.measure();
      const states: { choice: Int32Array; changes: number }[] = [];
      for (const changes of list) {
        states.push({ choice: plan.choice(), changes: plan.changes });
        for (const [p, number] of changes) {
          const [first = 0, last = 0] = [plan.firstOption[p], plan.lastOption[p]];
          plan.change(p, first + (number % (last - first + 1)));
        }
        const { time_s } = replay(network, plan.choice());
        expect(plan.settle(time_s)).toBe(true);
        for (let p = 0; p < n; p++) anew.place(p, plan.chosen[p] ?? 0);
        expect(anew.measure()).toBe(time_s);
        expect(plan.end_s).toEqual(anew.end_s);
        expect(plan.remaining_s).toEqual(anew.remaining_s);
        expect(plan.total_j).toBeCloseTo(anew.total_j, 9);
      }
      for (const { choice, changes } of states.toReversed()) {
        plan.takeBack(changes);
        expect(plan.choice()).toEqual(choice);
      }
      expect(Math.max(...plan.end_s)).toBe(replay(network, plan.choice()).time_s);
    }),
    { seed: 22, numRuns: 100 },
  );
});

test("changes that are only tried leave no trace", () => {
  const change = fc.tuple(fc.nat({ max: network.sets.length - 1 }), fc.nat({ max: 99 }));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 6 }), (tried) => {
      const plan = new TimedPlan(network);
      plan.measure();
      const [choice, end_s, { changes, total_j }] = [plan.choice(), plan.end_s.slice(), plan];
      for (const [p, number] of tried) {
        const [first = 0, last = 0] = [plan.firstOption[p], plan.lastOption[p]];
        plan.change(p, first + (number % (last - first + 1)));
      }
      plan.forget(changes);
      expect(plan.choice()).toEqual(choice);
      expect(plan.total_j).toBeCloseTo(total_j, 9);
      expect(plan.settle(0)).toBe(true);
      expect(plan.end_s).toEqual(end_s);
    }),
    { seed: 5, numRuns: 100 },
  );
});

test("says when a change misses the deadline, however far away", () => {
  const plan = new TimedPlan(network);
  const fastest_s = plan.measure();
  plan.change(0, plan.lastOption[0] ?? 0);
  expect(plan.settle(fastest_s)).toBe(false);
  plan.takeBack(0);
  expect(Math.max(...plan.end_s)).toBe(fastest_s);
});

test("a change followed up in one place first is followed up everywhere afterwards", () => {
  const [plan, anew] = [new TimedPlan(network), new TimedPlan(network)];
  for (let p = 0; p < plan.size; p++) plan.place(p, plan.lastOption[p] ?? 0);
  plan.measure();
  const p = plan.size >> 1;
  plan.change(p, plan.firstOption[p] ?? 0);
  plan.settleHere(p);
  plan.settle(Number.POSITIVE_INFINITY);
  for (let q = 0; q < plan.size; q++) anew.place(q, plan.chosen[q] ?? 0);
  anew.measure();
  expect(plan.end_s).toEqual(anew.end_s);
  expect(plan.remaining_s).toEqual(anew.remaining_s);
});

test("the slowest option within a time", () => {
  const plan = new TimedPlan(network);
  const [first = 0, last = 0] = [plan.firstOption[3], plan.lastOption[3]];
  expect(plan.slowestWithin(3, 0)).toBe(-1);
  for (let k = first; k <= last; k++) {
    const time_s = plan.time_s[k] ?? 0;
    expect(plan.slowestWithin(3, time_s)).toBe(k);
    expect(plan.slowestWithin(3, time_s * (1 - 1e-9))).toBe(k === first ? -1 : k - 1);
  }
  expect(plan.slowestWithin(3, 1e9)).toBe(last);
});
