import type { Device } from "../gpu/device-schema.js";
import type { Configuration } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";
import { legalSlots, legalSms } from "./legality.js";

/** The legal configurations of one partition type, by index: listed or drawn, never stored. */
export interface Space {
  readonly size: number;
  /** The configuration of an index in [0, size). */
  readonly at: (index: number) => Configuration;
  /** What baselines use, at every clock: the default SMs, launched last or at the first slot. */
  readonly baselines: readonly Configuration[];
}

/** All combinations of clock, communication SMs and launch slot; clocks vary slowest. */
export function configurationSpace(partition: PartitionType, device: Device): Space {
  const clocks = device.searched_clocks_mhz;
  const sms = legalSms(partition, device);
  const slots = legalSlots(partition);
  const at = (index: number): Configuration => {
    const rest = Math.floor(index / slots.length);
    return {
      freq_mhz: clocks[Math.floor(rest / sms.length)] as number,
      launch_slot: slots[index % slots.length] as string | null,
      sms: sms[rest % sms.length] as number,
    };
  };
  const default_sms = partition.communication === null ? 0 : device.default_comm_sms;
  const baselines = clocks.flatMap((freq_mhz) =>
    slots.slice(0, 2).map((launch_slot) => ({ freq_mhz, launch_slot, sms: default_sms })),
  );
  return { size: clocks.length * sms.length * slots.length, at, baselines };
}
