import type { Device } from "../../gpu/device-schema.js";
import type { CollectiveKind } from "../../ir/kernel-graph.js";
import type { Communication } from "../../ir/partition.js";
import { dynamicEnergyAt } from "./power.js";

/** Bytes that one rank sends over its links, relative to the full tensor (ring algorithms). */
function wireShare(kind: CollectiveKind, ranks: number): number {
  switch (kind) {
    case "all_reduce":
      return (2 * (ranks - 1)) / ranks;
    case "all_gather":
    case "reduce_scatter":
    case "all_to_all":
      return (ranks - 1) / ranks;
    case "send":
    case "recv":
      return 1;
  }
}

/** Steps that follow one another around the ring. */
function hops(kind: CollectiveKind, ranks: number): number {
  switch (kind) {
    case "all_reduce":
      return 2 * (ranks - 1);
    case "all_gather":
    case "reduce_scatter":
      return ranks - 1;
    case "all_to_all":
    case "send":
    case "recv":
      return 1;
  }
}

/** Bytes of a collective that cross one rank's links; none where there is no other rank. */
function wireBytes(communication: Communication): number {
  const { kind, ranks, size_bytes } = communication;
  return ranks === 1 ? 0 : wireShare(kind, ranks) * size_bytes;
}

/** Seconds before the first byte arrives. */
export function communicationLatency(communication: Communication, device: Device): number {
  const { kind, ranks } = communication;
  if (ranks === 1) return 0;
  const { latency_base_s, latency_hop_s } = device.communication;
  return latency_base_s + hops(kind, ranks) * latency_hop_s;
}

/**
 * Bytes/s of the slowest link of a ring: between nodes, the ports of the ranks that share a node
 * together (each GPU has one, and as many rings run side by side).
 */
function slowestLink({ ranks, ranks_per_node }: Communication, device: Device): number {
  const { link_bytes_per_s, inter_node_bytes_per_s } = device.communication;
  if (ranks_per_node >= ranks || inter_node_bytes_per_s === undefined) return link_bytes_per_s;
  return Math.min(link_bytes_per_s, ranks_per_node * inter_node_bytes_per_s);
}

/**
 * Bytes/s over the links with `sms` SMs (one channel each): the channels' rates together, bent
 * smoothly into the link rate. SMs 0 is the copy engine, which fills the links.
 */
function linkRate(
  communication: Communication,
  device: Device,
  freq_mhz: number,
  sms: number,
): number {
  const { cta_bytes_per_s, saturation_exponent, clock_exponent } = device.communication;
  const link_bytes_per_s = slowestLink(communication, device);
  if (sms === 0) return link_bytes_per_s;
  const clock = (freq_mhz / device.highest_clock_mhz) ** clock_exponent;
  const channels = sms * cta_bytes_per_s * clock;
  const p = saturation_exponent;
  return (channels ** -p + link_bytes_per_s ** -p) ** (-1 / p);
}

/** Seconds that a collective moves data when nothing runs beside it, latency not included. */
export function transferTime(
  communication: Communication,
  device: Device,
  freq_mhz: number,
  sms: number,
): number {
  return wireBytes(communication) / linkRate(communication, device, freq_mhz, sms);
}

/** Bytes that a collective moves through its own device memory. */
export function communicationTraffic(communication: Communication, device: Device): number {
  const per_wire_byte = device.communication.hbm_bytes_per_wire_byte[communication.kind];
  return wireBytes(communication) * per_wire_byte;
}

/** Dynamic energy of a collective on one GPU in J at a clock. */
export function communicationEnergy(
  communication: Communication,
  device: Device,
  freq_mhz: number,
): number {
  const floor_j = wireBytes(communication) * device.communication.energy_j_per_wire_byte;
  return dynamicEnergyAt(device, freq_mhz, floor_j, communicationTraffic(communication, device));
}
