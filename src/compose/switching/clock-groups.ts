import { fail } from "../../base/diagnostics/diagnostic.js";
import { noCommonClock } from "../../base/diagnostics/plan.js";
import { at, hot, hotFloat, hotInt } from "../../base/need.js";
import type { OptionSet } from "../network.js";
import type { RelaxedSolution } from "../sampling.js";
import type { SwitchedNetwork, SwitchedOptions } from "./switched-network.js";

/** An instruction shorter than so many switch times does not get a clock of its own. */
const SHORT = 10;

/** Instructions of one stage, one after another, that run at one clock. */
export interface ClockGroup {
  /** By their number in the network. */
  readonly members: readonly number[];
  /** Those at which every member has an option, as indices into the network's, ascending. */
  readonly clocks: readonly number[];
}

/**
 * Which instructions share a clock: an instruction whose fastest option is shorter than ten times
 * the longest switch shares that of the instructions before and after it in its stage's order, the tail
 * included, so that a run of short ones is one group with both its neighbours. The last instruction
 * and the first of the next iteration need not share: a short one has a neighbour in its own
 * iteration, and the switch between the two is charged. Fails with KRS4011 where a group has no clock
 * that all of its members can run at.
 */
export function clockGroups(network: SwitchedNetwork, longest_switch_s: number): ClockGroup[] {
  const { sets, stageBefore } = network;
  const isShort = sets.map((set) => fastest(set) < SHORT * longest_switch_s);
  const groups: ClockGroup[] = [];
  for (let from = 0, to = 0; from < sets.length; from = to + 1, to = from) {
    while (stageBefore[to + 1] === to && (isShort[to] || isShort[to + 1])) to++;
    if (to > from) groups.push(groupOf(network, from, to));
  }
  return groups;
}

function fastest({ atClock }: SwitchedOptions): number {
  return Math.min(
    ...atClock.map(({ time_s }) => (time_s.length > 0 ? at(time_s, 0) : Number.POSITIVE_INFINITY)),
  );
}

function groupOf(network: SwitchedNetwork, from: number, to: number): ClockGroup {
  const members = Array.from({ length: to - from + 1 }, (_, k) => from + k);
  const sets = [...new Set(network.sets.slice(from, to + 1))];
  const clocks = [...network.clocks_mhz.keys()].filter((clock) =>
    sets.every(({ atClock }) => at(atClock, clock).options.length > 0),
  );
  const first = network.instructions[from];
  if (clocks.length === 0 && first) fail(noCommonClock(first.stage, first.kind, members.length));
  return { members, clocks };
}

/**
 * The clock at which a group takes about as long as its members do relaxed, each counted by what its time
 * is worth; where none is worth anything the one at which it costs least.
 */
export function relaxedClock(
  network: SwitchedNetwork,
  { members, clocks }: ClockGroup,
  { end_s, price_w }: RelaxedSolution,
): number {
  const { sets, stageBefore, dataBefore, transfer_s } = network;
  const endOf = (i: number) => (i < end_s.length ? hotFloat(end_s, i) : 0);
  let relaxed_j = 0;
  for (const i of members) {
    const arrived_s = endOf(hotInt(dataBefore, i)) + hotFloat(transfer_s, i);
    const taken_s = hotFloat(end_s, i) - Math.max(endOf(hotInt(stageBefore, i)), arrived_s);
    relaxed_j += hotFloat(price_w, i) * taken_s;
  }
  const distances = clocks.map((clock) => {
    let [taken_j, dynamic_j] = [0, 0];
    for (const i of members) {
      const price = hotFloat(price_w, i);
      const own = hot(hot(sets, i).atClock, clock);
      const option = cheapestOption(own, price);
      taken_j += price * hotFloat(own.time_s, option);
      dynamic_j += hotFloat(own.dynamic_j, option);
    }
    return relaxed_j > 0 ? Math.abs(taken_j - relaxed_j) : dynamic_j;
  });
  return at(clocks, distances.indexOf(Math.min(...distances)));
}

/** Which option costs least where time has a price: along the hull a second saves ever less, by halving. */
export function cheapestOption({ hull, time_s, dynamic_j }: OptionSet, price_w: number): number {
  let low = 0;
  let high = hull.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const fast = hot(hull, middle);
    const slow = hot(hull, middle + 1);
    const saved_j = hotFloat(dynamic_j, fast) - hotFloat(dynamic_j, slow);
    const more_s = hotFloat(time_s, slow) - hotFloat(time_s, fast);
    if (saved_j > price_w * more_s) low = middle + 1;
    else high = middle;
  }
  return hot(hull, low);
}
