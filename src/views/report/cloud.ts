import { at } from "../../base/need.js";
import { rounded } from "../../base/rounded.js";
import type { Evaluation } from "../../ir/configuration.js";
import { paretoIndices } from "../../math/pareto.js";
import { spread } from "../../math/spread.js";
import type { Cloud } from "./model.js";

/**
 * The evaluations of a partition type, thinned to about `most`: its frontier stays whole, the rest is
 * spread evenly over what was evaluated.
 */
export function cloudOf(
  evaluations: readonly Evaluation[],
  slots: readonly string[],
  static_power_w: number,
  most: number,
): Cloud {
  const time_s = evaluations.map((evaluation) => evaluation.time_s);
  const dynamic_j = evaluations.map(({ time_s, energy_j }) => energy_j - static_power_w * time_s);
  const best = paretoIndices(time_s, dynamic_j);
  const spared = spread(
    evaluations.map((_, i) => i),
    most,
  );
  const kept = [...new Set([...best, ...spared])].map((i) => at(evaluations, i));
  const of = <T>(value: (evaluation: Evaluation) => T): T[] => kept.map(value);
  return {
    evaluated: evaluations.length,
    time_s: of((e) => rounded(e.time_s)),
    dynamic_j: of((e) => rounded(e.energy_j - static_power_w * e.time_s)),
    freq_mhz: of((e) => e.freq_mhz),
    slot: of(({ launch_slot }) => (launch_slot === null ? -1 : slots.indexOf(launch_slot))),
    sms: of((e) => e.sms),
    frontier: best.map((_, place) => place),
  };
}
