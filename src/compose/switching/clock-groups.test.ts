import fc from "fast-check";
import { expect, test } from "vitest";
import { option } from "../../../test/support/pipelines.js";
import type { InstructionOption } from "../../ir/configuration.js";
import { networkOf, optionSetOf } from "../network.js";
import { cheapestOption } from "../priced-option.js";
import { problemOfOptions } from "../problem.js";
import { clockGroups } from "./clock-groups.js";
import { switchedNetwork } from "./switched-network.js";

const CLOCKS = [900, 1200, 1410];
const list = (time_s: number, clocks = CLOCKS): InstructionOption[] =>
  clocks.map((clock) => option((time_s * 1410) / clock, clock, clock));

/** Groups of one stage with three microbatches, as `kind microbatch` of its members. */
function groupsOf(
  options: Readonly<Partial<Record<"forward" | "backward" | "tail", InstructionOption[]>>>,
  switch_time_s: number,
) {
  const layout = { microbatches: 3, pipeline: "gpipe", static_power_w: 0, switch_time_s } as const;
  const problem = problemOfOptions([options], 1, layout);
  const network = switchedNetwork(problem, networkOf(problem));
  return clockGroups(network, switch_time_s).map(({ members, clocks }) => ({
    members: members.map((i) => {
      const { kind, microbatch } = network.instructions[i] ?? {};
      return `${kind} ${microbatch}`;
    }),
    clocks_mhz: clocks.map((clock) => network.clocks_mhz[clock]),
  }));
}

test("nothing is shared where all instructions are long, or switches free", () => {
  const options = { forward: list(1), backward: list(2), tail: list(1) };
  expect(groupsOf(options, 0.1)).toEqual([]);
  expect(groupsOf({ forward: list(0), backward: list(0) }, 0)).toEqual([]);
});

test("a short tail shares the clock of the instruction before it", () => {
  const options = { forward: list(1), backward: list(2), tail: list(0.9) };
  expect(groupsOf(options, 0.1)).toEqual([
    { members: ["backward 2", "tail null"], clocks_mhz: CLOCKS },
  ]);
});

test("short instructions, with those on both sides, make groups that hold a clock long enough", () => {
  const options = { forward: list(0.5), backward: list(2), tail: list(3) };
  expect(groupsOf(options, 0.1).map(({ members }) => members)).toEqual([
    ["forward 0", "forward 1"],
    ["forward 2", "backward 0"],
  ]);
  const backward = { forward: list(2), backward: list(0.4), tail: list(3) };
  expect(groupsOf(backward, 0.1).map(({ members }) => members)).toEqual([
    ["backward 0", "backward 1", "backward 2"],
  ]);
});

test("all of a stage share a clock where it would not be held long enough otherwise", () => {
  const options = { forward: list(0.2), backward: list(0.3), tail: list(0.3) };
  expect(groupsOf(options, 0.1).map(({ members }) => members.length)).toEqual([7]);
});

test("a group runs at clocks that all of its members have", () => {
  const options = { forward: list(2), backward: list(2), tail: list(0.5, [1410, 1300, 900]) };
  expect(groupsOf(options, 0.1).map(({ clocks_mhz }) => clocks_mhz)).toEqual([[900, 1410]]);
  const apart = { forward: list(2), backward: list(2), tail: list(0.5, [1300]) };
  expect(() => groupsOf(apart, 0.1)).toThrow(/KRS4011.*backward/);
});

test("the cheapest option at a price is that of a walk through all", () => {
  const some = fc.array(fc.record({ time: fc.nat(30), energy: fc.nat(90) }), { minLength: 1 });
  fc.assert(
    fc.property(some, fc.nat(9), (entries, price_w) => {
      const set = optionSetOf(
        entries.map(({ time, energy }) => option(1 + time, energy, 900)),
        0,
      );
      const costs = set.options.map(({ time_s, energy_j }) => energy_j + price_w * time_s);
      expect(costs[cheapestOption(set, price_w)]).toBe(Math.min(...costs));
    }),
    { seed: 41 },
  );
});
