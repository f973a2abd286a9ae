import { at } from "../../base/need.js";

/*
 * A partition about which nothing is known but its knobs: kernels one after the other, and
 * communication beside them from a launch slot on. What such partitions have in common is a handful
 * of numbers; a few measurements tell them.
 */

/** One way to run it. */
export interface TypicalSetting {
  readonly freq_mhz: number;
  /** SMs of communication; 0: none is taken from compute. */
  readonly sms: number;
  /** Which of the launch slots, by index. */
  readonly slot: number;
}

/** What partitions differ in. Times and energies are at the highest clock. */
export interface TypicalPartition {
  /** Compute alone. */
  readonly compute_s: number;
  /** Share of compute that follows the clock. */
  readonly bound: number;
  /** Share of compute before each slot. */
  readonly before: readonly number[];
  /** Communication on one SM, and on SMs that fill the links. */
  readonly block_s: number;
  readonly link_s: number;
  /** Communication's rate goes as the clock to this power. */
  readonly link_power: number;
  /** Share of its rate that compute loses beside communication, per hundred SMs, and at any number. */
  readonly taken: number;
  readonly contention: number;
  /** Energy that grows as the clock to a power, that of memory and links, and power at rest. */
  readonly switched_j: number;
  readonly switched_power: number;
  readonly moved_j: number;
  readonly rest_w: number;
  /** Power while compute runs, delayed or not, at the highest clock, and while communication does. */
  readonly busy_w: number;
  readonly sending_w: number;
}

/** How sharply the rate of SMs bends into that of the links. */
const SHARPNESS = 4;
/** Compute beside communication keeps at least this share of its rate. */
const LEAST_SHARE = 0.05;

/** Time and energy of a run; `highest_mhz` is the clock of the partition's numbers. */
export function typicalCost(
  partition: TypicalPartition,
  { freq_mhz, sms, slot }: TypicalSetting,
  highest_mhz: number,
): { readonly time_s: number; readonly energy_j: number } {
  const { compute_s, bound, block_s, link_s } = partition;
  const slower = highest_mhz / freq_mhz;
  const whole_s = compute_s * (1 + bound * (slower - 1));
  const before_s = at(partition.before, slot) * whole_s;
  const blocks_s = sms > 0 ? block_s / sms : 0;
  const alone_s = (blocks_s ** SHARPNESS + link_s ** SHARPNESS) ** (1 / SHARPNESS);
  const moving_s = alone_s * slower ** partition.link_power;
  const lost = Math.min(1 - LEAST_SHARE, (partition.taken * sms) / 100 + partition.contention);
  const beside_s = whole_s - before_s;
  const delayed_s = Math.min(moving_s, beside_s / (1 - lost)) * lost;
  const time_s = before_s + Math.max(moving_s, beside_s + delayed_s);
  const switched_j = partition.switched_j * slower ** -partition.switched_power;
  const busy_w = partition.busy_w * slower ** -partition.switched_power;
  const running_j =
    partition.rest_w * time_s + busy_w * (whole_s + delayed_s) + partition.sending_w * moving_s;
  return { time_s, energy_j: running_j + switched_j + partition.moved_j };
}
