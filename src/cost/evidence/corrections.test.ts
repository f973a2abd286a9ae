import { describe, expect, test } from "vitest";
import { NO_MEASUREMENTS } from "../../../test/support/measurements.js";
import { need } from "../../base/need.js";
import { forkRng } from "../../base/rng.js";
import { loadDevice } from "../../gpu/device.js";
import type { Work } from "../../ir/work.js";
import { mean } from "../../math/mean.js";
import type { KernelRecord } from "../../profile/records.js";
import { kernelTime } from "../physics/kernels.js";
import { correctionFrom } from "./corrections.js";

const device = loadDevice("a100-sxm4-80gb");
const freq_mhz = device.highest_clock_mhz;
type Product = Extract<Work, { op: "matmul" }>;

const SIZES = [1024, 1536, 2048, 3072, 4096, 6144];
const products = SIZES.flatMap((m) =>
  SIZES.map((n): Product => ({ op: "matmul", b: 1, m, n, k: 4096, dtype: "bfloat16" })),
);

/** Products that take so many times as long as the model says. */
function recorded(some: readonly Product[], factor: (work: Product) => number): KernelRecord[] {
  return some.map((work): KernelRecord => {
    const { op, ...key } = work;
    const time_s = factor(work) * kernelTime(work, device, freq_mhz, device.sm_count);
    const outcome = { time_s, energy_j: null, source: "measured" } as const;
    const spreads = { time_s_std: null, energy_j_std: null, trials: 1 };
    return { record: "kernel", op, key, freq_mhz, sms: null, ...outcome, ...spreads };
  });
}

/** Mean squared errors in time of products that have no record, with records of the others and without. */
function heldOut(factor: (work: Product) => number): {
  readonly with: number;
  readonly without: number;
} {
  const half = (which: number) => products.filter((_, i) => (i + Math.floor(i / 6)) % 2 === which);
  const kernels = recorded(half(0), factor);
  const correction = correctionFrom({ ...NO_MEASUREMENTS, kernels }, device);
  const error = (told: (work: Product) => number) =>
    mean(half(1).map((work) => Math.log(factor(work) / told(work)) ** 2));
  return {
    with: error((work) => correction.kernel(work, freq_mhz).time),
    without: error(() => 1),
  };
}

describe("records of kernels tell of other shapes", () => {
  test("as far as they agree with each other", () => {
    const errors = heldOut(
      ({ m, n }) => 1.2 + 0.1 * Math.sin(Math.log2(m)) * Math.cos(Math.log2(n)),
    );
    expect(errors.with).toBeLessThan(0.05 * errors.without);
  });

  test("hardly, where held-out ones say that they do no better than none", () => {
    const errors = [1, 2, 3].map((seed) => {
      const rng = forkRng(seed, "corrections");
      const random = new Map(products.map((work) => [work, Math.exp(0.6 * (rng.uniform() - 0.5))]));
      return heldOut((work) => need(random, work));
    });
    expect(mean(errors.map((error) => error.with))).toBeLessThan(
      1.1 * mean(errors.map((error) => error.without)),
    );
  });
});
