import { at } from "../../base/need.js";
import { LARGE } from "../network.js";
import type { RelaxedSolution } from "../relaxation/sampling.js";
import { type ClockGroup, relaxedClock } from "./clock-groups.js";
import type { ClocksInTime } from "./clocks-in-time.js";
import type { SwitchedNetwork } from "./switched-network.js";

/** Relaxed solutions of ascending deadlines, with a clock of each group for all of them. */
interface Span {
  readonly own: RelaxedSolution[];
  readonly clocks: readonly number[];
}

/**
 * In a large pipeline deadlines share clocks while those that they call for are up to so many steps away, on
 * average over groups: each span is relaxed anew, and sharing halves that time for 0.05% of the energy.
 */
const STEPS_AWAY = 2 / 3;

/** Deadlines that follow each other and call for about the same clocks of groups; the first stands alone. */
export function spansOf(
  network: SwitchedNetwork,
  groups: readonly ClockGroup[],
  clocksInTime: ClocksInTime,
  relaxed: readonly RelaxedSolution[],
): readonly Span[] {
  const most = network.sets.length > LARGE ? STEPS_AWAY * groups.length : 0;
  const spans: Span[] = [];
  for (const solution of relaxed) {
    const wanted = groups.map((group) => relaxedClock(network, group, solution));
    const last = spans.at(-1);
    if (last !== undefined && spans.length > 1 && stepsBetween(last.clocks, wanted) <= most) {
      last.own.push(solution);
    } else {
      const clocks = clocksInTime.from(wanted, solution.deadline_s);
      spans.push({ own: [solution], clocks });
    }
  }
  return spans;
}

function stepsBetween(clocks: readonly number[], others: readonly number[]): number {
  return clocks.reduce((sum, clock, g) => sum + Math.abs(clock - at(others, g)), 0);
}
