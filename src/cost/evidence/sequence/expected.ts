import type { Device } from "../../../gpu/device-schema.js";
import type { PartitionType } from "../../../ir/partition.js";
import type { Work } from "../../../ir/work.js";
import { communicationLatency, transferTime } from "../../physics/communication.js";
import type { Correction } from "../../physics/correction.js";
import { kernelTime } from "../../physics/kernels.js";
import type { SegmentClass } from "./sequence.js";

/** What a device's model says of a sequence, all at one clock. */
export interface Expected {
  readonly freq_mhz: number;
  readonly sm_count: number;
  readonly segments: readonly { readonly class: SegmentClass; readonly alone_s: number }[];
  readonly latency_s: number;
  readonly block_s: number;
  readonly link_s: number;
}

function classOf(work: Work): SegmentClass {
  if (work.op === "conv") return "matmul";
  return work.op;
}

/**
 * What the device's model, corrected by kernels and collectives, says of a partition's parts at the
 * highest clock; segments start at these kernels.
 */
export function expectedOf(
  { kernels, communication }: Pick<PartitionType, "kernels" | "communication">,
  starts: readonly number[],
  device: Device,
  correction: Correction,
): Expected {
  const { sm_count, highest_clock_mhz: freq_mhz } = device;
  const alone_s = ({ work }: { readonly work: Work }) =>
    device.launch_time_s +
    kernelTime(work, device, freq_mhz, sm_count) * correction.kernel(work, freq_mhz).time;
  const segments = starts.map((first, s) => {
    const inside = kernels.slice(first, starts[s + 1]);
    const longest = inside.reduce((a, b) => (alone_s(b) > alone_s(a) ? b : a));
    return {
      class: classOf(longest.work),
      alone_s: inside.reduce((sum, kernel) => sum + alone_s(kernel), 0),
    };
  });
  const moving_s = (sms: number) =>
    communication === null
      ? 0
      : transferTime(communication, device, freq_mhz, sms) *
        correction.transfer(communication, freq_mhz, sms);
  const latency_s = communication === null ? 0 : communicationLatency(communication, device);
  return {
    freq_mhz,
    sm_count,
    segments,
    latency_s,
    block_s: moving_s(1),
    link_s: moving_s(0),
  };
}
