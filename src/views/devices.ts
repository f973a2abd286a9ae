import { scaled } from "../base/units.js";
import type { Device } from "../gpu/device-schema.js";
import { type Column, table } from "./table.js";

const COLUMNS: readonly Column[] = [
  ["device", "left"],
  ["SMs", "right"],
  ["clocks", "right"],
  ["dense bf16", "right"],
  ["memory", "right"],
  ["bandwidth", "right"],
  ["cap", "right"],
  ["constants", "left"],
];

/** The devices side by side, and whose constants they have. */
export function devicesTable(devices: readonly Device[]): string {
  return table(COLUMNS, devices.map(row));
}

function row(device: Device): readonly (string | number)[] {
  const { name, sm_count, lowest_clock_mhz, highest_clock_mhz, memory_bytes, memory } = device;
  return [
    name,
    sm_count,
    `${lowest_clock_mhz} to ${highest_clock_mhz} MHz`,
    scaled(device.peak_flop_per_s.bfloat16, "FLOP/s"),
    scaled(memory_bytes, "B"),
    scaled(Math.max(...memory.bandwidth.bytes_per_s), "B/s"),
    scaled(device.power_cap_w, "W"),
    device.rescaled_from === undefined ? "of its chip" : `rescaled from ${device.rescaled_from}`,
  ];
}
