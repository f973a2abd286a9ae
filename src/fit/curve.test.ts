import fc from "fast-check";
import { expect, test } from "vitest";
import { cappedCurve } from "../../test/validate/capped-curve.js";
import { fitPowerCap, fitVoltage, fitVoltageExponent } from "./board.js";
import { type Board, curveAt, fitCurve } from "./curve.js";

type ClockCurve = Parameters<typeof curveAt>[0];

const BOARD: Board = {
  idle_power: { freq_mhz: [210, 1410], power_w: [60, 82] },
  voltage: { freq_mhz: [210, 1110, 1410], voltage_v: [0.74, 0.74, 0.92] },
  voltage_exponent: 1.2,
};
const LIMITS = { lowest_clock_mhz: 210, highest_clock_mhz: 1410, power_cap_w: 400 };
const CLOCKS = [855, 1035, 1230, 1410];

/** A curve whose time and power are capped at the same clock. */
const capped = (curve: Omit<ClockCurve, "power_cap_mhz">): ClockCurve => ({
  ...curve,
  power_cap_mhz: curve.cap_mhz,
});

const curves = fc
  .record({
    fixed_s: fc.double({ min: 0.001, max: 0.05, noNaN: true }),
    cycles_mhz_s: fc.double({ min: 10, max: 100, noNaN: true }),
    cap_mhz: fc.constantFrom(1290, 1350, Number.POSITIVE_INFINITY),
    dynamic_j: fc.double({ min: 1, max: 100, noNaN: true }),
  })
  .map(capped);

const sampled = (curve: ClockCurve, board = BOARD, clocks = CLOCKS) =>
  clocks.map((freq_mhz) => curveAt(curve, board, freq_mhz));

test("four clocks give back the curve that they lie on", () => {
  fc.assert(
    fc.property(curves, fc.integer({ min: 855, max: 1410 }), (curve, freq_mhz) => {
      const fitted = fitCurve(sampled(curve), BOARD);
      const [found, true_] = [curveAt(fitted, BOARD, freq_mhz), curveAt(curve, BOARD, freq_mhz)];
      expect(found.time_s / true_.time_s).toBeCloseTo(1, 3);
      expect(found.energy_j / true_.energy_j).toBeCloseTo(1, 2);
    }),
    { seed: 6, numRuns: 50 },
  );
});

test("power that rises where time no longer falls", () => {
  const curve = {
    ...{ fixed_s: 0.05, cycles_mhz_s: 50, dynamic_j: 20 },
    ...{ cap_mhz: 1200, power_cap_mhz: 1350 },
  };
  const clocks = [855, 1035, 1140, 1230, 1290, 1410];
  const found = fitCurve(
    clocks.map((freq_mhz) => curveAt(curve, BOARD, freq_mhz)),
    BOARD,
  );
  expect(Math.abs(found.cap_mhz - 1200)).toBeLessThanOrEqual(1);
  expect(Math.abs(found.power_cap_mhz - 1350)).toBeLessThanOrEqual(10);
  expect(curveAt(found, BOARD, 1320).energy_j).toBeGreaterThan(
    1.02 * curveAt(found, BOARD, 1250).energy_j,
  );
});

test("work that does not scale, or scales wholly, is no special case", () => {
  const still = CLOCKS.map((freq_mhz) => ({ freq_mhz, time_s: 1, energy_j: 100 }));
  expect(curveAt(fitCurve(still, BOARD), BOARD, 1100).time_s).toBeCloseTo(1, 6);
  const steep = CLOCKS.map((freq_mhz) => ({ freq_mhz, time_s: 900 / freq_mhz, energy_j: 100 }));
  const { fixed_s, cycles_mhz_s } = fitCurve(steep, BOARD);
  expect([fixed_s, cycles_mhz_s]).toEqual([expect.closeTo(0, 6), expect.closeTo(900, 3)]);
});

test("energy below the idle power leaves no dynamic energy, never a negative one", () => {
  const points = CLOCKS.map((freq_mhz) => ({ freq_mhz, time_s: 1, energy_j: 50 }));
  expect(fitCurve(points, BOARD).dynamic_j).toBe(0);
});

test("the power cap gives the clock of throttling, for work that was never throttled", () => {
  const curve = (dynamic_j: number) =>
    capped({ fixed_s: 0.01, cycles_mhz_s: 50, cap_mhz: Number.POSITIVE_INFINITY, dynamic_j });
  const hungry = cappedCurve(curve(15), BOARD, LIMITS);
  const free = curveAt(curve(15), BOARD, hungry.cap_mhz);
  expect(free.energy_j / free.time_s).toBeCloseTo(400, 0);
  expect(cappedCurve(curve(1), BOARD, LIMITS).cap_mhz).toBe(Number.POSITIVE_INFINITY);
});

test("a board's own constants come back from its curves", () => {
  const made = { ...BOARD, voltage_exponent: 1.35 };
  const work = [3, 10, 30].map((dynamic_j) =>
    sampled(capped({ fixed_s: 0.01, cycles_mhz_s: 50, cap_mhz: 1350, dynamic_j }), made),
  );
  expect(fitVoltageExponent(work, BOARD).voltage_exponent).toBeCloseTo(1.35, 3);
  const flat = { ...BOARD, voltage: { freq_mhz: [1150, 1410], voltage_v: [1, 1.25] } };
  // Four clocks cannot tell where the floor ends, how steep it rises and where power is capped.
  const clocks = [...CLOCKS, 1185, 1290].sort((a, b) => a - b);
  const relative = [3, 10, 30].map((dynamic_j) =>
    sampled(capped({ fixed_s: 0.01, cycles_mhz_s: 50, cap_mhz: 1350, dynamic_j }), flat, clocks),
  );
  const { voltage } = fitVoltage(relative, BOARD);
  expect(voltage.freq_mhz[0]).toBeCloseTo(1150, -1);
  expect(voltage.voltage_v[1]).toBeCloseTo(1.25, 1);
});

test("the power that capped curves settle at; null where none was capped", () => {
  const work = { fixed_s: 0.01, cycles_mhz_s: 50, dynamic_j: 10 };
  const held = capped({ ...work, cap_mhz: 1300 });
  const { energy_j, time_s } = curveAt(held, BOARD, 1410);
  const free = capped({ ...work, cap_mhz: Number.POSITIVE_INFINITY });
  expect(fitPowerCap([sampled(held), sampled(free)])).toBeCloseTo(energy_j / time_s, 6);
  expect(fitPowerCap([sampled(free)])).toBeNull();
});
