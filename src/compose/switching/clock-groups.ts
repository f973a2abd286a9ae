import { fail } from "../../base/diagnostics/diagnostic.js";
import { noCommonClock } from "../../base/diagnostics/plan.js";
import { at, hotInt } from "../../base/need.js";
import type { SwitchedNetwork, SwitchedOptions } from "./switched-network.js";

/** A clock is held for so many switch times at least. */
const HELD = 10;

/** Instructions of one stage, one after another, that run at one clock. */
export interface ClockGroup {
  /** By their number in the network. */
  readonly members: readonly number[];
  /** Those at which every member has an option, as indices into the network's, ascending. */
  readonly clocks: readonly number[];
}

/**
 * Which instructions share a clock, so that each is held for ten times the longest switch even where all run
 * at their fastest: an instruction that is shorter does not get a clock of its own. Runs of such ones, with
 * their neighbours on both sides in their stage's order, the tail included, are cut into groups that are just
 * long enough. The last instruction and the first of the next iteration need not share: the switch between
 * the two is charged. Fails with KRS4011 where a group has no clock that all of its members can run at.
 */
export function clockGroups(network: SwitchedNetwork, longest_switch_s: number): ClockGroup[] {
  const { sets, stageBefore } = network;
  const held_s = HELD * longest_switch_s;
  const times_s = sets.map(fastest);
  const isShort = times_s.map((time_s) => time_s < held_s);
  const groups: ClockGroup[] = [];
  for (let from = 0, to = 0; from < sets.length; from = to + 1, to = from) {
    while (stageBefore[to + 1] === to && (isShort[to] || isShort[to + 1])) to++;
    if (to === from) continue;
    for (const [first, last] of pieces(times_s, from, to, held_s)) {
      if (last > first) groups.push(groupOf(network, first, last));
    }
  }
  return groups;
}

/** Groups by the places of their members. */
export function placedGroups(groups: readonly ClockGroup[], place: Int32Array): ClockGroup[] {
  return groups.map(({ members, clocks }) => ({
    members: members.map((i) => hotInt(place, i)),
    clocks,
  }));
}

/** Some groups as one, which runs at a clock that all of them can run at; there may be none. */
export function joined(groups: readonly ClockGroup[]): ClockGroup {
  const clocks = at(groups, 0).clocks.filter((clock) =>
    groups.every((each) => each.clocks.includes(clock)),
  );
  return { members: groups.flatMap(({ members }) => members), clocks };
}

/** Cuts a run into pieces, first and last, each of which takes at least so long if the whole does. */
function pieces(
  times_s: readonly number[],
  from: number,
  to: number,
  least_s: number,
): readonly (readonly [number, number])[] {
  const found: (readonly [number, number])[] = [];
  let rest_s = 0;
  for (let i = from; i <= to; i++) rest_s += at(times_s, i);
  let first = from;
  let taken_s = 0;
  for (let i = from; i < to; i++) {
    taken_s += at(times_s, i);
    rest_s -= at(times_s, i);
    if (taken_s < least_s || rest_s < least_s) continue;
    found.push([first, i]);
    first = i + 1;
    taken_s = 0;
  }
  return [...found, [first, to]];
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
