import { hotFloat } from "../../base/need.js";
import type { SwitchedNetwork, SwitchedOptions } from "../switching/switched-network.js";

/** An option of an instruction, without a switch before it. */
export interface Choice {
  /** Its number in the network, without the clock before it. */
  readonly option: number;
  /** Its clock, as an index into the network's. */
  readonly clock: number;
  readonly time_s: number;
  readonly dynamic_j: number;
  /** With static power. */
  readonly power_w: number;
}

/**
 * The options that no other beats in time, energy and power at once, in ascending time.
 * @param shared the clocks that others share with it: then those that none beats at its own clock
 */
export function choicesOf(
  { time_s, dynamic_j, clock }: SwitchedOptions,
  { clocks_mhz, static_power_w }: SwitchedNetwork,
  shared: readonly number[] | null = null,
): readonly Choice[] {
  const all = Array.from(clock, (own, option): Choice => {
    const number = option * clocks_mhz.length + own;
    const [took_s, took_j] = [hotFloat(time_s, number), hotFloat(dynamic_j, number)];
    const power_w = static_power_w + (took_s > 0 ? took_j / took_s : 0);
    return { option, clock: own, time_s: took_s, dynamic_j: took_j, power_w };
  });
  const may = all.filter((own) => shared === null || shared.includes(own.clock));
  const vies = (other: Choice, own: Choice) =>
    other !== own && (shared === null || other.clock === own.clock);
  const kept = may.filter((own) => !may.some((other) => vies(other, own) && beats(other, own)));
  return kept.toSorted((a, b) => a.time_s - b.time_s);
}

/** Of two that are equal the first. */
function beats(a: Choice, b: Choice): boolean {
  if (a.time_s > b.time_s || a.dynamic_j > b.dynamic_j || a.power_w > b.power_w) return false;
  const isBetter = a.time_s < b.time_s || a.dynamic_j < b.dynamic_j || a.power_w < b.power_w;
  return isBetter || a.option < b.option;
}
