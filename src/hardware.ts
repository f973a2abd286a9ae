import { fail, type Report } from "./base/diagnostics/diagnostic.js";
import { noPowerLimit } from "./base/diagnostics/profile.js";
import { launchTime } from "./compose/launching.js";
import { readDevice } from "./gpu/device.js";
import type { Device } from "./gpu/device-schema.js";
import type { Job } from "./ir/job.js";
import type { LoweringOptions } from "./options.js";

/**
 * The device that is asked for, with the gap between kernels, the static power and the power limit that are. Fails where a limit
 * is none of the board's (KRS2006).
 */
export function deviceOf(
  { gpu, gap_us, power_limit_w, static_power_w: told_static_w }: LoweringOptions["hardware"],
  report: Report,
) {
  const read = readDevice(gpu, report);
  const { name, power_cap_w } = read.device;
  const static_power_w = told_static_w ?? read.device.static_power_w;
  if (power_limit_w !== null && (power_limit_w > power_cap_w || power_limit_w <= static_power_w)) {
    fail(noPowerLimit(name, power_limit_w, static_power_w, power_cap_w));
  }
  const told = {
    ...(gap_us === null ? {} : { launch_time_s: { value: gap_us * 1e-6, source: "--gap-us" } }),
    ...(told_static_w === null
      ? {}
      : { static_power_w: { value: told_static_w, source: "--static-power-w" } }),
    ...(power_limit_w === null
      ? {}
      : { power_limit_w: { value: power_limit_w, source: "--power-limit-w" } }),
  };
  const values = Object.entries(told).map(([key, { value }]) => [key, value] as const);
  return {
    device: { ...read.device, ...Object.fromEntries(values) },
    content: Object.assign({}, read.content, told),
  };
}

/** How the iteration runs: the job's schedule, with the hardware's power and times. */
export function layoutOf(job: Job, hardware: LoweringOptions["hardware"], device: Device) {
  const { microbatches, pipeline, chunks } = job;
  return {
    microbatches,
    pipeline,
    chunks,
    launch_s: launchTime(job.execution, hardware.launch_us),
    transfer_s: hardware.transfer_s,
    static_power_w: device.static_power_w,
    switch_time_s: hardware.switch_time_s ?? device.switch_time_s,
  };
}
