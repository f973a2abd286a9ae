import type { Device } from "../gpu/device-schema.js";
import type { PartitionType } from "../ir/partition.js";

/**
 * How a partition can run at all on a device; how good it is does not matter here. One function per
 * choice, and every combination of their answers is legal.
 */

/**
 * Launch slots, "after the last kernel" (null) first. Communication that is absent, runs alone or
 * waits for the partition's own kernels has no other choice.
 */
export function legalSlots(partition: PartitionType): readonly (string | null)[] {
  const { communication, dependent, slots } = partition;
  if (communication === null || dependent) return [null];
  return [null, ...slots.map(({ name }) => name)];
}

/** SMs for communication, ascending: 0 where there is none or where a copy engine can do it. */
export function legalSms(partition: PartitionType, device: Device): readonly number[] {
  if (partition.communication === null) return [0];
  const sms = new Set([device.default_comm_sms, ...device.searched_comm_sms]);
  if (device.copy_engine_collectives) sms.add(0);
  return [...sms].sort((a, b) => a - b);
}
