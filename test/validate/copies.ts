import { modelledOracle } from "../../src/cost/index.js";
import type { Device } from "../../src/gpu/device-schema.js";
import type { PartitionType } from "../../src/ir/partition.js";
import type { Work } from "../../src/ir/work.js";
import { partitionOf } from "../support/llama-layer.js";

/*
 * The communication of the H200 measurements is a copy inside the GPU: blocks of 512 threads, each
 * 38.7 GB/s, read and written bytes together. What it costs beside kernels is asked of the model of
 * the device, with a link of that rate.
 */

/** Bytes read and written by one block of the copy, by second. */
const BLOCK_BYTES_PER_S = 38.7e9;

/** The device with the copy for its communication: bytes on the wire are bytes read. */
export function withCopies(device: Device): Device {
  const { communication, memory } = device;
  return {
    ...device,
    communication: {
      ...communication,
      cta_bytes_per_s: BLOCK_BYTES_PER_S / 2,
      link_bytes_per_s: Math.max(...memory.bandwidth.bytes_per_s) / 2,
      saturation_exponent: 8,
      clock_exponent: 0,
      latency_base_s: 0,
      latency_hop_s: 0,
      hbm_bytes_per_wire_byte: { ...communication.hbm_bytes_per_wire_byte, send: 2 },
    },
  };
}

/** What the copy of the measurements moves. */
export const COPIED_BYTES = 176_160_768;

/** Kernels with a copy of that many bytes beside them, launched before any of them or after all. */
export function besideCopy(works: readonly Work[], copied_bytes: number | null): PartitionType {
  const kernels = works.map((work) => ({ class: "other" as const, work }));
  const made = partitionOf("beside a copy", kernels, copied_bytes);
  const { communication } = made;
  const slots = works.map((_, first) => ({ name: `kernel_${first}`, first, nodes: [] }));
  if (communication === null) return { ...made, slots };
  return { ...made, slots, communication: { ...communication, kind: "send", ranks: 2 } };
}

/** How many times a kernel runs beside the copy: long enough for starts and ends not to count. */
const REPEATED = 200;

/** How much longer a kernel and the copy take beside each other than alone, both without a pause. */
export function slowdowns(
  device: Device,
  work: Work,
  blocks: number,
  copied_bytes: number,
): { readonly compute: number; readonly communication: number } {
  const oracle = modelledOracle(withCopies(device));
  const at = { freq_mhz: device.highest_clock_mhz, sms: blocks };
  const kernels = Array.from({ length: REPEATED }, () => work);
  const kernels_s = oracle.cost(besideCopy(kernels, null), { ...at, launch_slot: null }).time_s;
  const copy_s = oracle.cost(besideCopy([], copied_bytes), { ...at, launch_slot: null }).time_s;
  // So many copies that they end with the kernels, about.
  const copies = (0.55 * kernels_s) / copy_s;
  const both = oracle.trace(besideCopy(kernels, copies * copied_bytes), {
    ...at,
    launch_slot: "kernel_0",
  });
  const lastOf = (of: "kernel" | "communication") =>
    Math.max(...both.pieces.filter((piece) => piece[of] !== null).map(({ end_s }) => end_s));
  const [kernels_end_s, copies_end_s] = [lastOf("kernel"), lastOf("communication")];
  const done = 1 - (kernels_end_s - copies_end_s) / kernels_s;
  return {
    compute: copies_end_s / (done * kernels_s),
    communication: copies_end_s / (copies * copy_s),
  };
}
