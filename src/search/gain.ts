import { cornerBeyond, hypervolume } from "../math/hypervolume.js";
import type { Observation } from "./strategies/strategy.js";

/** How far beyond the frontier's nadir area counts, as a share of its range. */
const MARGIN = 0.1;

type Cost = Pick<Observation, "time_s" | "energy_j">;

/**
 * How much of the hypervolume over all observations the later ones added, as a share: the larger of
 * time against total energy and time against dynamic energy. The corner lies close to the frontier
 * itself, so that little is not hidden by what nobody would choose.
 */
export function gainOver(
  before: readonly Cost[],
  later: readonly Cost[],
  static_power_w: number,
): number {
  const shares = [0, static_power_w].map((less_w) => {
    const points = (costs: readonly Cost[]) => ({
      x: costs.map(({ time_s }) => time_s),
      y: costs.map(({ time_s, energy_j }) => energy_j - less_w * time_s),
    });
    const all = points([...before, ...later]);
    const [x, y] = cornerBeyond(all, MARGIN);
    const covered = hypervolume(all, x, y);
    return covered > 0 ? 1 - hypervolume(points(before), x, y) / covered : 0;
  });
  return Math.max(...shares);
}
