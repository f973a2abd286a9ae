import { at, hot, hotFloat, hotInt } from "../base/need.js";
import type { Network, Options } from "./network.js";

/** A discrete choice played through the pipeline. */
interface Replay {
  /** When each instruction starts, by its number. */
  readonly start_s: Float64Array;
  /** When the last instruction ends. */
  readonly time_s: number;
  /** Sum of instruction energies + static power x (stages x time_s - sum of instruction times). */
  readonly energy_j: number;
}

/** A discrete plan, by the option of each instruction, and how it plays out. */
export interface Plan extends Replay {
  readonly choice: Int32Array;
}

/**
 * Starts every instruction as soon as its stage and what it waits for allow.
 * @param choice the option of each instruction, as an index into its option set
 */
export function replay(network: Network<Options>, choice: ArrayLike<number>): Replay {
  const { sets, stageBefore, dataBefore, transfer_s, topological, stages, static_power_w } =
    network;
  const start_s = new Float64Array(sets.length);
  // One more than there are instructions: where nothing comes before, it has ended at 0.
  const end_s = new Float64Array(sets.length + 1);
  let makespan_s = 0;
  for (const i of topological) {
    const onStage_s = hotFloat(end_s, hotInt(stageBefore, i));
    const arrived_s = hotFloat(end_s, hotInt(dataBefore, i)) + hotFloat(transfer_s, i);
    const start = Math.max(onStage_s, arrived_s);
    const end = start + hotFloat(hot(sets, i).time_s, at(choice, i));
    start_s[i] = start;
    end_s[i] = end;
    if (end > makespan_s) makespan_s = end;
  }
  let energy_j = 0;
  let busy_s = 0;
  sets.forEach(({ options }, i) => {
    const option = at(options, at(choice, i));
    energy_j += option.energy_j;
    busy_s += option.time_s;
  });
  energy_j += static_power_w * (stages * makespan_s - busy_s);
  return { start_s, time_s: makespan_s, energy_j };
}
