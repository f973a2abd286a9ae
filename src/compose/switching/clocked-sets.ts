import { at, hot, need } from "../../base/need.js";
import type { Network, OptionSet } from "../network.js";
import type { ClockGroup } from "./clock-groups.js";
import type { SwitchedNetwork } from "./switched-network.js";

/**
 * What everything may choose from if each group runs at a clock.
 * @param clocks of each group, as indices into the network's
 */
export function clockedSets(
  network: SwitchedNetwork,
  plain: Network,
  groups: readonly ClockGroup[],
  clocks: readonly number[],
): readonly OptionSet[] {
  const sets = [...plain.sets];
  groups.forEach(({ members }, g) => {
    for (const i of members) sets[i] = hot(hot(network.sets, i).atClock, at(clocks, g));
  });
  return sets;
}

/** Options chosen from such sets by their numbers in the network, without the clock before. */
export function numbered(
  network: SwitchedNetwork,
  sets: readonly OptionSet[],
  choice: Int32Array,
): Int32Array {
  return choice.map((k, i) => {
    const option = at(at(sets, i).options, k);
    return need(at(network.sets, i).numbers, option);
  });
}
