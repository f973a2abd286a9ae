import type { Measurements } from "../../src/profile/library.js";

/** No profile at all. */
export const NO_MEASUREMENTS: Measurements = {
  profiles: [],
  kernels: [],
  collectives: [],
  partitions: [],
  instructions: [],
};
