import type { Device } from "../../gpu/device-schema.js";
import type { Work } from "../../ir/work.js";

/** How far measurements may be off from what is to be predicted, relative. */
export interface Errors {
  /** All of a kind alike. */
  readonly common: number;
  /** Each by itself. */
  readonly own: number;
}

type ErrorsOf = Readonly<Record<"time" | "energy", Errors>>;

/** What is believed as it was measured. */
export const EXACT: Errors = { common: 0, own: 0 };

/** Convolutions, which were not measured, run on the same tensor cores. */
const PRODUCTS: ErrorsOf = {
  time: { common: 0.009, own: 0.049 },
  energy: { common: 0.011, own: 0.05 },
};

const H200: Readonly<Record<Work["op"], ErrorsOf>> = {
  matmul: PRODUCTS,
  conv: PRODUCTS,
  attention: { time: { common: 0.031, own: 0.038 }, energy: { common: 0.041, own: 0.099 } },
  memory: { time: { common: 0.063, own: 0.055 }, energy: { common: 0.159, own: 0.183 } },
};

/** Boards, by the name in the device file, of which it was measured. */
const BOARDS: Readonly<Record<string, typeof H200>> = { h200: H200 };

/**
 * How far a kernel that our recorder runs again and again, alone, may be off from torch's kernels of
 * the kind. Both were measured on one H200 (profiles/measured/README.md), and both are compared with
 * the model: `common` squared is the squared difference of the two means and that of its standard
 * error, `own` squared the sum of the two variances. Iterations of whole models have no part in it.
 * Nothing is known of other boards: their records are taken as they are.
 */
export function inContext(device: Device, op: Work["op"], what: "time" | "energy"): Errors {
  return BOARDS[device.name]?.[op][what] ?? EXACT;
}
