import type { Report } from "./base/diagnostics/diagnostic.js";
import { launchTime } from "./compose/launching.js";
import { readDevice } from "./gpu/device.js";
import type { Device } from "./gpu/device-schema.js";
import type { Job } from "./ir/job.js";
import type { LoweringOptions } from "./options.js";

/** The device that is asked for, with the gap between kernels that is. */
export function deviceOf({ gpu, gap_us }: LoweringOptions["hardware"], report: Report) {
  const read = readDevice(gpu, report);
  if (gap_us === null) return read;
  const launch_time_s = gap_us * 1e-6;
  const constant = { launch_time_s: { value: launch_time_s, source: "--gap-us" } };
  return {
    device: { ...read.device, launch_time_s },
    content: Object.assign({}, read.content, constant),
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
    static_power_w: hardware.static_power_w ?? device.static_power_w,
    switch_time_s: hardware.switch_time_s ?? device.switch_time_s,
  };
}
