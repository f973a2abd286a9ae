import { fail } from "../../base/diagnostics/diagnostic.js";
import { noCommonClock } from "../../base/diagnostics/plan.js";
import { at, hot, hotFloat } from "../../base/need.js";
import { cheapestOption } from "../priced-option.js";
import type { RelaxedSolution } from "../relaxation/sampling.js";
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
  { sets }: SwitchedNetwork,
  { members, clocks }: ClockGroup,
  { taken_s, price_w }: RelaxedSolution,
): number {
  let relaxed_j = 0;
  for (const i of members) relaxed_j += hotFloat(price_w, i) * hotFloat(taken_s, i);
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
