import { fail } from "../../base/diagnostics/diagnostic.js";
import { noCommonClock } from "../../base/diagnostics/plan.js";
import type { PipelineProblem } from "../../ir/iteration.js";
import { type Network, optionsOf } from "../network.js";

/** An instruction shorter than so many switch times does not get a clock of its own. */
const SHORT = 10;

/** Instructions of one stage, one after another, that run at one clock. */
export interface ClockGroup {
  /** By their number in the network. */
  readonly members: readonly number[];
  /** Clocks at which every member has an option, ascending, in MHz. */
  readonly clocks_mhz: readonly number[];
}

/**
 * Which instructions share a clock: an instruction whose fastest option is shorter than ten times
 * the switch time shares that of the instructions before and after it in its stage's order, the tail
 * included, so that a run of short ones is one group with both its neighbours. The last instruction
 * and the first of the next iteration need not share: a short one has a neighbour in its own
 * iteration, and the switch between the two is charged. Fails with KRS4011 where a group has no clock
 * that all of its members can run at.
 */
export function clockGroups(problem: PipelineProblem, network: Network): ClockGroup[] {
  const limit_s = SHORT * problem.switch_time_s;
  const isShort = network.sets.map(({ time_s }) => (time_s[0] ?? 0) < limit_s);
  const groups: ClockGroup[] = [];
  let first = 0;
  for (const order of problem.order) {
    for (let k = 0; k < order.length; k++) {
      const start = first + k;
      while (k + 1 < order.length && (isShort[first + k] || isShort[first + k + 1])) k++;
      if (first + k > start) groups.push(groupOf(problem, network, start, first + k));
    }
    first += order.length;
  }
  return groups;
}

function groupOf(problem: PipelineProblem, network: Network, from: number, to: number): ClockGroup {
  const members = network.instructions.slice(from, to + 1);
  const lists = new Set(members.map((instruction) => optionsOf(problem, instruction)));
  const clocks = [...lists].map((options) => new Set(options.map(({ freq_mhz }) => freq_mhz)));
  const common = [...(clocks[0] ?? [])].filter((clock) => clocks.every((own) => own.has(clock)));
  const [first] = members;
  if (common.length === 0 && first) fail(noCommonClock(first.stage, first.kind, members.length));
  const numbers = members.map((_, k) => from + k);
  return { members: numbers, clocks_mhz: common.sort((a, b) => a - b) };
}
