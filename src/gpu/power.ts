import { interpolate } from "../math/interpolate.js";
import type { Device } from "./device-schema.js";

/** Clocks closer than this draw the same power. */
const CLOCK_TOLERANCE_MHZ = 0.25;

/** Power in W of the GPU with its clock locked and nothing running: P_idle(f). */
export function idlePower(device: Device, freq_mhz: number): number {
  return interpolate(device.idle_power.freq_mhz, device.idle_power.power_w, freq_mhz);
}

/**
 * Dynamic energy at a clock, relative to the voltage floor: (V(f) / V_floor)^(2g). It does not
 * depend on time: the same work switches the same capacitance, only the voltage differs.
 */
export function dynamicEnergyScale(device: Device, freq_mhz: number): number {
  const { freq_mhz: clocks, voltage_v } = device.voltage;
  const floor_v = voltage_v.reduce((least, v) => Math.min(least, v));
  const ratio = interpolate(clocks, voltage_v, freq_mhz) / floor_v;
  return ratio ** (2 * device.voltage_exponent);
}

/**
 * The clock in MHz that work runs at when `freq_mhz` is asked for: the highest up to it whose
 * average power keeps to the cap, or the lowest clock if none does. `averagePower` ascends with f.
 */
export function effectiveClock(
  device: Device,
  freq_mhz: number,
  averagePower: (freq_mhz: number) => number,
): number {
  if (averagePower(freq_mhz) <= device.power_cap_w) return freq_mhz;
  // From the device's own bounds, so that every throttled setting lands on the same clock.
  let fits = device.lowest_clock_mhz;
  let exceeds = device.highest_clock_mhz;
  while (exceeds - fits > CLOCK_TOLERANCE_MHZ) {
    const middle = (fits + exceeds) / 2;
    if (averagePower(middle) <= device.power_cap_w) fits = middle;
    else exceeds = middle;
  }
  return Math.min(fits, freq_mhz);
}
