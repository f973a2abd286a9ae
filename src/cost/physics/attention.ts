import type { Device } from "../../gpu/device-schema.js";
import { type AttentionWork, flopsOf, keysSeen } from "../../ir/work.js";
import { relativePeak, type Share } from "./share.js";

/**
 * FLOPs of fused attention with all that its thread blocks do besides, in units of products: the
 * softmax of a score counts as some more columns of its products, and a block, to start and end, as
 * `more_keys`. So small heads and short sequences run at a lower rate.
 */
function effortOf(work: AttentionWork, device: Device, more_keys: number): number {
  const columns = 1 + device.attention.softmax_columns / work.head_dim;
  return flopsOf(work) * columns * (1 + more_keys / keysSeen(work));
}

/**
 * Half of what a block takes to start and end is waiting, which costs no energy: so counted, the
 * energies of head sizes 64 and 128 on an H200 agree within 6 % in each direction.
 */
const WORKING = 0.5;

/** The same FLOPs as far as they take energy. */
export function attentionEffort(work: AttentionWork, device: Device): number {
  return effortOf(work, device, WORKING * device.attention.block_keys[work.direction]);
}

/**
 * Seconds of fused attention: thread blocks of query rows, one on an SM at a time, each through the
 * keys that its rows see. At the end the last blocks, which see the most keys, have the SMs to
 * themselves: the fewer blocks, the more that costs.
 */
export function attentionTime(work: AttentionWork, device: Device, share: Share): number {
  const { attention } = device;
  const { b, heads, q_len, kv_len, direction, window = kv_len } = work;
  const rate =
    direction === "forward" ? attention.forward_flop_per_s : attention.backward_flop_per_s;
  const clock = share.freq_mhz / device.highest_clock_mhz;
  const sm_rate = (rate * relativePeak(device, work.dtype) * clock) / device.sm_count;
  const blocks = b * heads * Math.ceil(q_len / attention.block_rows);
  const block_keys = attention.block_keys[direction];
  const all_s = effortOf(work, device, block_keys) / sm_rate;
  const longest = (Math.min(window, kv_len) + block_keys) / (keysSeen(work) + block_keys);
  const longest_s = (all_s / blocks) * longest;
  return Math.max(longest_s, all_s / share.sms + attention.tail * longest_s);
}
