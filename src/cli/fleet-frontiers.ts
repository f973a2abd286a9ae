import { fail, refuse } from "../base/diagnostics/diagnostic.js";
import { onePerJob } from "../base/diagnostics/fleet.js";
import { emptyFrontier } from "../base/diagnostics/plan.js";
import type { jobPower, powerBeyond } from "../plan/beyond-gpus.js";
import { type BEYOND_FLAGS, beyondOf } from "./beyond.js";
import type { Values } from "./flags/table.js";
import { readFrontierAt } from "./run-folder.js";

/** Lists of flags that give a value for each frontier, or none, have as many: KRS4413. */
export function checkOneEach(
  lists: Readonly<Record<string, readonly number[] | null>>,
  { length }: readonly string[],
): void {
  for (const [flag, list] of Object.entries(lists)) {
    if (list !== null && list.length !== length) fail(onePerJob(flag, list.length, length));
  }
}

/**
 * A frontier that has points, and these as a fleet sees them: powers of one replica or of the whole job, with what
 * flags say draws power beside its GPUs.
 */
export async function readFleetFrontier(
  source: string,
  flags: Values<typeof BEYOND_FLAGS>,
  of: typeof powerBeyond | typeof jobPower,
) {
  const { path, frontier } = await readFrontierAt(source);
  if (frontier.points.length === 0) return refuse(emptyFrontier(path));
  const beyond = beyondOf(flags, frontier);
  const withBeyond = (power_w: number) => of(power_w, frontier, beyond);
  const points = frontier.points.map(({ id, time_s, average_power_w }) => ({
    id,
    time_s,
    power_w: withBeyond(average_power_w),
  }));
  return { path, frontier, points, beyond, withBeyond };
}
