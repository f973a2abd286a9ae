import { at, hotFloat, hotInt } from "../base/need.js";
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

type Links = Pick<Network, "stageBefore" | "dataBefore" | "transfer_s" | "topological">;

/**
 * Starts every instruction as soon as its stage and what it waits for allow.
 * @param duration_s of each instruction
 */
export function played(
  { stageBefore, dataBefore, transfer_s, topological }: Links,
  duration_s: Float64Array,
): Pick<Replay, "start_s" | "time_s"> {
  const start_s = new Float64Array(duration_s.length);
  // The last one is where nothing comes before, and has ended at 0.
  const end_s = new Float64Array(duration_s.length + 1);
  let time_s = 0;
  for (const i of topological) {
    const onStage_s = hotFloat(end_s, hotInt(stageBefore, i));
    const arrived_s = hotFloat(end_s, hotInt(dataBefore, i)) + hotFloat(transfer_s, i);
    const start = Math.max(onStage_s, arrived_s);
    const end = start + hotFloat(duration_s, i);
    start_s[i] = start;
    end_s[i] = end;
    if (end > time_s) time_s = end;
  }
  return { start_s, time_s };
}

/**
 * A plan played out.
 * @param choice the option of each instruction, as an index into its option set
 */
export function replay(network: Network<Options>, choice: ArrayLike<number>): Replay {
  const { sets, stages, static_power_w } = network;
  const duration_s = Float64Array.from(sets, ({ time_s }, i) => at(time_s, at(choice, i)));
  const { start_s, time_s } = played(network, duration_s);
  const dynamic_j = sets.reduce((sum_j, set, i) => sum_j + at(set.dynamic_j, at(choice, i)), 0);
  return { start_s, time_s, energy_j: dynamic_j + static_power_w * stages * time_s };
}
