import { sha256Hex } from "../base/hash.js";
import type { ProfileHeader } from "./header.js";
import type { Greeting } from "./work-list.js";

/** What a recording is of, and where it goes. */
export interface Target {
  /** The device's name. */
  readonly gpu: string;
  readonly graph: string;
  readonly out: string;
  /** This program, with its version. */
  readonly tool: string;
}

/** The header of a profile that a recorder begins with its greeting, for the lines it was given. */
export function header(
  list: string,
  method: ProfileHeader["method"],
  what: string,
  { gpu, tool }: Target,
  found: Greeting,
): ProfileHeader {
  const date = new Date().toISOString();
  return {
    format: "kareus-profile",
    version: 1,
    id: `recorded-${sha256Hex(`${date}\n${list}`).slice(0, 12)}`,
    gpu,
    driver: found.driver === "" ? null : found.driver,
    date,
    tool,
    method,
    ...powerState(found),
    note: `${what}, recorded on ${found.gpu} with ${found.sm_count} SMs; memory-bound kernels as a stream of their traffic`,
  };
}

/** The board's power state as far as the recorder tells it; nothing where it tells none of it. */
function powerState(found: Greeting): Pick<ProfileHeader, "power_state"> {
  const { power_limit_w = null, workload_profile = null, smoothing = null } = found;
  const known = [power_limit_w, workload_profile, smoothing].some((value) => value !== null);
  return known ? { power_state: { power_limit_w, workload_profile, smoothing } } : {};
}
