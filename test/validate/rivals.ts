import { at } from "../../src/base/need.js";
import type { ClockPoint } from "../../src/fit/curve.js";
import { interpolate } from "../../src/math/interpolate.js";
import { mean } from "../../src/math/mean.js";
import { gaussianRegression } from "../reference/gaussian-regression.js";

/** Clocks in MHz are a Gaussian process' input in units of this: about a third of a board's range. */
const CLOCK_UNIT_MHZ = 300;

/** Predicts a curve over the clock from some of its points. */
type Rival = (fitted: readonly ClockPoint[], clocks_mhz: readonly number[]) => ClockPoint[];

/** Rivals that predict one quantity at a time. */
function separately(
  predict: (fitted: readonly ClockPoint[], value: (p: ClockPoint) => number, f: number) => number,
): Rival {
  return (fitted, clocks_mhz) =>
    clocks_mhz.map((freq_mhz) => ({
      freq_mhz,
      time_s: predict(fitted, ({ time_s }) => time_s, freq_mhz),
      energy_j: predict(fitted, ({ energy_j }) => energy_j, freq_mhz),
    }));
}

export const interpolation = separately((fitted, value, freq_mhz) => {
  const sorted = fitted.toSorted((a, b) => a.freq_mhz - b.freq_mhz);
  const clocks = sorted.map((point) => point.freq_mhz);
  return interpolate(clocks, sorted.map(value), freq_mhz);
});

export const constant = separately((fitted, value) => mean(fitted.map(value)));

export const gaussianProcess = separately((fitted, value, freq_mhz) => {
  const logs = fitted.map((point) => Math.log(value(point)));
  const centre = mean(logs);
  const spread = Math.max(...logs) - Math.min(...logs);
  const input = (clock_mhz: number) => [clock_mhz / CLOCK_UNIT_MHZ];
  const inputs = fitted.map((point) => input(point.freq_mhz));
  const process = gaussianRegression(
    inputs,
    logs.map((log) => log - centre),
    spread,
  );
  return Math.exp(centre + at(process([input(freq_mhz)]), 0));
});
