import { byDefault } from "../../base/need.js";
import type { Device } from "../../gpu/device-schema.js";
import { bytesOf, type MatmulWork, type Work } from "../../ir/work.js";
import { attentionTime } from "./attention.js";
import { convTime, productClock, productTime } from "./products.js";
import { instructionTime, memoryBandwidth, type Share, scalarTime } from "./share.js";

/**
 * Seconds of a memory-bound kernel: its traffic, and the part of its own operations that does not hide
 * behind that. Sums over rows (norms) hide less than what is done to each value alone.
 */
function memoryTime(
  work: Extract<Work, { op: "memory" }>,
  traffic_s: number,
  device: Device,
  share: Share,
): number {
  const { norm, other } = device.memory.exposed_s_per_flop;
  const per_flop_s = work.class === "norm" ? norm : other;
  const slower = (device.highest_clock_mhz * device.sm_count) / (share.freq_mhz * share.sms);
  const exposed_s = work.flops * per_flop_s * slower;
  const instructions = byDefault(work.instructions, 0);
  return Math.max(
    traffic_s + exposed_s,
    scalarTime(work.flops, device, share),
    instructionTime(instructions, share),
  );
}

function productShare(work: MatmulWork, device: Device, share: Share): Share {
  return { ...share, freq_mhz: productClock(work, device, share.freq_mhz) };
}

function workTime(work: Work, device: Device, share: Share): number {
  const traffic_s = bytesOf(work) / memoryBandwidth(device, share);
  switch (work.op) {
    case "matmul":
      return Math.max(productTime(work, device, productShare(work, device, share)), traffic_s);
    case "attention":
      return Math.max(attentionTime(work, device, share), traffic_s);
    case "conv":
      return Math.max(convTime(work, device, share), traffic_s);
    case "memory":
      return memoryTime(work, traffic_s, device, share);
  }
}

/**
 * Seconds that a kernel runs alone on `sms` SMs at a clock, launch not included: its start and end,
 * and the longer of its arithmetic and its memory traffic. Never falls as SMs are taken away.
 */
export function kernelTime(work: Work, device: Device, freq_mhz: number, sms: number): number {
  return device.kernel_start_s + workTime(work, device, { freq_mhz, sms });
}
