import type { Device } from "../gpu/device-schema.js";

/** A constant of a device file: where it is, and how to change it. */
export interface Constant {
  /** Keys from the top of the file. */
  readonly path: readonly string[];
  /** What the file holds as its value. */
  readonly read: (device: Device) => unknown;
  /** The device with this constant times a factor, a table with all its values. */
  readonly scale: (device: Device, factor: number) => Device;
}

type Group = "gemm" | "attention" | "communication";

/** A number in one of the groups of the file. */
function grouped<G extends Group>(group: G, key: keyof Device[G] & string): Constant {
  const read = (device: Device) => device[group][key];
  return {
    path: [group, key],
    read,
    scale: (device, factor) => {
      const value = read(device);
      if (typeof value !== "number") throw new Error(`${group}.${key} is no number`);
      return { ...device, [group]: { ...device[group], [key]: value * factor } };
    },
  };
}

/** Constants that measured times and energies tell of. */
export const CONSTANTS = {
  gemm_rate: grouped("gemm", "bfloat16_flop_per_s"),
  gemm_depth: grouped("gemm", "k_half"),
  gemm_flop_energy: grouped("gemm", "energy_j_per_flop"),
  gemm_byte_energy: grouped("gemm", "energy_j_per_byte"),
  attention_forward: grouped("attention", "forward_flop_per_s"),
  attention_backward: grouped("attention", "backward_flop_per_s"),
  attention_flop_energy: grouped("attention", "energy_j_per_flop"),
  attention_byte_energy: grouped("attention", "energy_j_per_byte"),
  link_rate: grouped("communication", "link_bytes_per_s"),
  channel_rate: grouped("communication", "cta_bytes_per_s"),
  memory_bandwidth: {
    path: ["memory", "bandwidth"],
    read: ({ memory }: Device) => memory.bandwidth,
    scale: (device: Device, factor: number): Device => {
      const { freq_mhz, bytes_per_s } = device.memory.bandwidth;
      const bandwidth = { freq_mhz, bytes_per_s: bytes_per_s.map((rate) => rate * factor) };
      return { ...device, memory: { ...device.memory, bandwidth } };
    },
  },
  memory_energy: {
    path: ["memory", "energy_j_per_byte"],
    read: ({ memory }: Device) => memory.energy_j_per_byte,
    scale: ({ memory, ...device }: Device, factor: number): Device => ({
      ...device,
      memory: { ...memory, energy_j_per_byte: memory.energy_j_per_byte * factor },
    }),
  },
} satisfies Record<string, Constant>;
