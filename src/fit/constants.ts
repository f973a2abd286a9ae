import type { Device } from "../gpu/device-schema.js";

/** A constant of a device file: where it is, and how to change it. */
export interface Constant {
  /** Keys from the top of the file to what has a source. */
  readonly path: readonly string[];
  /** What the file holds as its value. */
  readonly read: (device: Device) => unknown;
  /** The number itself, or the largest of a table. */
  readonly size: (device: Device) => number;
  /** The device with this constant times a factor, a table with all its values. */
  readonly scale: (device: Device, factor: number) => Device;
}

/** What an object holds under a key. */
function entry(data: unknown, key: string): unknown {
  if (typeof data !== "object" || data === null || !(key in data)) {
    throw new Error(`no ${key} in a device`);
  }
  return (data as Readonly<Record<string, unknown>>)[key];
}

const within = (data: unknown, keys: readonly string[]): unknown => keys.reduce(entry, data);

/** A number or a list of numbers times a factor. */
function times(value: unknown, factor: number): unknown {
  if (typeof value === "number") return value * factor;
  if (Array.isArray(value)) return value.map((each) => times(each, factor));
  throw new Error("a constant that is not a number");
}

function changed(data: unknown, keys: readonly string[], factor: number): unknown {
  const [key, ...rest] = keys;
  if (key === undefined) return times(data, factor);
  return { ...(data as object), [key]: changed(entry(data, key), rest, factor) };
}

/** A number or list that lies under `path`, and inside what has a source there under `inner`. */
function constant(path: readonly string[], inner: readonly string[] = []): Constant {
  const keys = [...path, ...inner];
  return {
    path,
    read: (device) => within(device, path),
    size: (device) => {
      const value = within(device, keys);
      return Array.isArray(value) ? Math.max(...value.map(Number)) : Number(value);
    },
    scale: (device, factor) => changed(device, keys, factor) as Device,
  };
}

/** Constants that measured times and energies tell of. */
export const CONSTANTS = {
  gemm_rate: constant(["gemm", "bfloat16_flop_per_s"]),
  gemm_depth: constant(["gemm", "k_half"]),
  gemm_flop_energy: constant(["gemm", "energy_j_per_flop"]),
  gemm_byte_energy: constant(["gemm", "energy_j_per_byte"]),
  attention_forward: constant(["attention", "forward_flop_per_s"]),
  attention_backward: constant(["attention", "backward_flop_per_s"]),
  attention_softmax: constant(["attention", "softmax_columns"]),
  attention_forward_keys: constant(["attention", "block_keys"], ["forward"]),
  attention_backward_keys: constant(["attention", "block_keys"], ["backward"]),
  attention_tail: constant(["attention", "tail"]),
  attention_flop_energy: constant(["attention", "energy_j_per_flop"]),
  link_rate: constant(["communication", "link_bytes_per_s"]),
  channel_rate: constant(["communication", "cta_bytes_per_s"]),
  kernel_start: constant(["kernel_start_s"]),
  memory_bandwidth: constant(["memory", "bandwidth"], ["bytes_per_s"]),
  memory_norm: constant(["memory", "exposed_s_per_flop"], ["norm"]),
  memory_other: constant(["memory", "exposed_s_per_flop"], ["other"]),
  memory_energy: constant(["memory", "energy_j_per_byte"]),
  memory_flop_energy: constant(["memory", "energy_j_per_flop"]),
} satisfies Record<string, Constant>;
