import { byDefault } from "../../base/need.js";
import type { Device } from "../../gpu/device-schema.js";
import { interpolate } from "../../math/interpolate.js";

/** Clocks closer than this draw the same power. */
const CLOCK_TOLERANCE_MHZ = 0.25;

/** Power in W of the GPU with its clock locked and nothing running: P_idle(f). */
export function idlePower(board: Pick<Device, "idle_power">, freq_mhz: number): number {
  return interpolate(board.idle_power.freq_mhz, board.idle_power.power_w, freq_mhz);
}

/**
 * Total energy in J of a run with so much dynamic energy at a clock: P_idle(f) x time beside it, and no less than
 * P_static x time, which the GPU draws where it does nothing but wait. Boards whose idle power is below their
 * static power would otherwise run small kernels for less than nothing.
 */
export function totalEnergy(
  device: Pick<Device, "idle_power" | "static_power_w">,
  freq_mhz: number,
  time_s: number,
  dynamic_j: number,
): number {
  const busy_j = idlePower(device, freq_mhz) * time_s + dynamic_j;
  return Math.max(busy_j, device.static_power_w * time_s);
}

/**
 * Dynamic energy at a clock, relative to the voltage floor: (V(f) / V_floor)^(2g). It does not
 * depend on time: the same work switches the same capacitance, only the voltage differs.
 */
export function dynamicEnergyScale(
  board: Pick<Device, "voltage" | "voltage_exponent">,
  freq_mhz: number,
): number {
  const { freq_mhz: clocks, voltage_v } = board.voltage;
  const floor_v = voltage_v.reduce((least, v) => Math.min(least, v));
  const ratio = interpolate(clocks, voltage_v, freq_mhz) / floor_v;
  return ratio ** (2 * board.voltage_exponent);
}

/**
 * Dynamic energy in J at a clock of work that takes `floor_j` at the voltage floor and moves `bytes`
 * through device memory: DRAM has its own voltage, so its part stays, and the rest follows the core's.
 */
export function dynamicEnergyAt(
  device: Pick<Device, "voltage" | "voltage_exponent" | "memory">,
  freq_mhz: number,
  floor_j: number,
  bytes: number,
): number {
  const dram_j = bytes * device.memory.dram_energy_j_per_byte;
  return dram_j + (floor_j - dram_j) * dynamicEnergyScale(device, freq_mhz);
}

/** What a GPU may draw on average: the limit that the job runs under, else the board's. */
export function powerLimit(device: Pick<Device, "power_cap_w" | "power_limit_w">): number {
  return byDefault(device.power_limit_w, device.power_cap_w);
}

/**
 * The highest clock in MHz at which work keeps its average power to the cap, or the lowest clock if
 * it never does. `averagePower` ascends with the clock. Searched between the device's own bounds,
 * so that every setting above it lands on the same clock.
 */
export function cappedClock(
  device: Pick<Device, "lowest_clock_mhz" | "highest_clock_mhz" | "power_cap_w" | "power_limit_w">,
  averagePower: (freq_mhz: number) => number,
): number {
  const limit_w = powerLimit(device);
  let fits = device.lowest_clock_mhz;
  let exceeds = device.highest_clock_mhz;
  if (averagePower(exceeds) <= limit_w) return exceeds;
  while (exceeds - fits > CLOCK_TOLERANCE_MHZ) {
    const middle = (fits + exceeds) / 2;
    if (averagePower(middle) <= limit_w) fits = middle;
    else exceeds = middle;
  }
  return fits;
}

/**
 * How sharply the clock bends where the power cap takes over: derived from the stage profiles of
 * Perseus on A100-SXM, whose times 30, 60 and 100 fit within 0.16, 0.15 and 0.21 % in the mean.
 */
const CAP_SHARPNESS = 60;

/** The clock in MHz that work really runs at when its power meets the cap at `cap_mhz`. */
export function throttledClock(freq_mhz: number, cap_mhz: number): number {
  return freq_mhz * (1 + (freq_mhz / cap_mhz) ** CAP_SHARPNESS) ** (-1 / CAP_SHARPNESS);
}
