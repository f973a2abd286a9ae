import { cornerBeyond, hypervolume, isoXReduction, isoYReduction } from "../../math/hypervolume.js";
import type { FrontierFile } from "../../plan/frontier.js";
import type { Measure } from "../../plan/verification.js";
import { tradeOff } from "../gains.js";

/** Beyond the expected frontier's nadir, as a share of its range: where hypervolume is counted from. */
const MARGIN = 0.1;

/** 0.02 less of what is to be little is 0.02 better. */
const worseBy = (reduction: number | null) => (reduction === null ? null : 0 - reduction);

/**
 * A frontier against the one that was expected: the hypervolume (reference point: the expected
 * nadir plus 10% of its range), the energy at the expected fastest time, and the time at the expected
 * lowest energy. Where nothing is there, what misses it by the tolerance counts.
 * @param tolerance relative: 0.001 is 0.1%
 */
export function compareFrontiers(
  expected: Pick<FrontierFile, "points">,
  found: Pick<FrontierFile, "points">,
  tolerance: number,
): Measure[] {
  const theirs = tradeOff(expected.points);
  const ours = tradeOff(found.points);
  const [time_s, energy_j] = cornerBeyond(theirs, MARGIN);
  const area = hypervolume(theirs, time_s, energy_j);
  const nearly = (values: readonly number[]) => values.map((value) => value / (1 + tolerance));
  const sooner =
    isoXReduction(ours, theirs) ?? isoXReduction({ x: nearly(ours.x), y: ours.y }, theirs);
  const cheaper =
    isoYReduction(ours, theirs) ?? isoYReduction({ x: ours.x, y: nearly(ours.y) }, theirs);
  return [
    { name: "hypervolume", worse: 1 - hypervolume(ours, time_s, energy_j) / area },
    { name: "iso-time energy", worse: worseBy(sooner) },
    { name: "iso-energy time", worse: worseBy(cheaper) },
  ];
}

/** Whether a measure is worse by more than a tolerance. */
export function isWorse({ worse }: Measure, tolerance: number): boolean {
  // Not "worse > tolerance": NaN must not pass.
  return worse === null || !(worse <= tolerance);
}
