import { scaled } from "../base/units.js";
import type { Device } from "../gpu/device-schema.js";
import type { ratiosOf } from "../gpu/from-sheet.js";
import { type Column, table } from "./table.js";

const COLUMNS: readonly Column[] = [
  ["device", "left"],
  ["SMs", "right"],
  ["clocks", "right"],
  ["dense bf16", "right"],
  ["memory", "right"],
  ["bandwidth reached", "right"],
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
    constantsOf(device),
  ];
}

/** Whose constants a device has. */
function constantsOf({ rescaled_from }: Device): string {
  return rescaled_from === undefined ? "of its chip" : `rescaled from ${rescaled_from}`;
}

/** One device: what its file says of its chip, and whose constants it has. */
export function deviceSummary(device: Device): string {
  const { communication, memory, peak_flop_per_s: peaks, searched_clocks_mhz: clocks } = device;
  const rows = (Object.entries(peaks) as [string, number][])
    .filter(([, rate]) => rate > 0)
    .map(([dtype, rate]): [string, string] => [`dense ${dtype}`, scaled(rate, "FLOP/s")]);
  return table(
    [
      [device.name, "left"],
      ["", "left"],
    ],
    [
      ["SMs", String(device.sm_count)],
      ["clocks", `${device.lowest_clock_mhz} to ${device.highest_clock_mhz} MHz`],
      ["clocks searched", `${clocks.length}, from ${Math.min(...clocks)} MHz`],
      ...rows,
      ["memory", scaled(device.memory_bytes, "B")],
      ["bandwidth reached", scaled(Math.max(...memory.bandwidth.bytes_per_s), "B/s")],
      ["links to GPUs of the node", `${scaled(communication.link_bytes_per_s, "B/s")} one way`],
      ["power cap", scaled(device.power_cap_w, "W")],
      ["static power", scaled(device.static_power_w, "W")],
      ["SMs of collectives", String(device.default_comm_sms)],
      ["constants", constantsOf(device)],
    ],
  );
}

type Ratios = ReturnType<typeof ratiosOf> & { readonly name: string };

/** Devices over one of them, by the numbers of their data sheets. */
export function comparisonTable(rows: readonly Ratios[], base: string): string {
  const times = (ratio: number | null) => (ratio === null || ratio === 0 ? "-" : ratio.toFixed(2));
  const columns: readonly Column[] = [
    [`times ${base}`, "left"],
    ["bf16", "right"],
    ["fp8", "right"],
    ["bandwidth", "right"],
    ["memory", "right"],
    ["links", "right"],
    ["power", "right"],
    ["bf16 a watt", "right"],
  ];
  return table(
    columns,
    rows.map(({ name, bfloat16, float8, bandwidth, memory, link, power }) => [
      name,
      ...[bfloat16, float8, bandwidth, memory, link, power, bfloat16 / power].map(times),
    ]),
  );
}
