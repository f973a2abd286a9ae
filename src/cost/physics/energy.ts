import type { Device } from "../../gpu/device-schema.js";
import { bytesOf, flopsOf, type Work } from "../../ir/work.js";
import { attentionEffort } from "./attention.js";
import { dynamicEnergyAt } from "./power.js";
import { relativePeak } from "./share.js";

/** Bytes that reach memory: a product whose operands fit the cache together finds and leaves them there. */
function memoryBytes(work: Work, device: Device): number {
  const bytes = bytesOf(work);
  return work.op === "matmul" && bytes <= device.l2_bytes ? 0 : bytes;
}

/** Dynamic energy of a kernel in J at the voltage floor: so much per operation and per byte. */
function floorEnergy(work: Work, device: Device, bytes: number): number {
  const { gemm, attention, memory } = device;
  if (work.op === "memory") {
    return bytes * memory.energy_j_per_byte + work.flops * memory.energy_j_per_flop;
  }
  const [effort, { energy_j_per_flop, energy_j_per_byte }] =
    work.op === "attention" ? [attentionEffort(work, device), attention] : [flopsOf(work), gemm];
  // A type of a quarter of the rate costs four times the energy: full rate draws the same power.
  const flop_j = energy_j_per_flop / relativePeak(device, work.dtype);
  return effort * flop_j + bytes * energy_j_per_byte;
}

/** Dynamic energy of a kernel in J at a clock; linear in the device's energies. */
export function kernelEnergy(work: Work, device: Device, freq_mhz: number): number {
  const bytes = memoryBytes(work, device);
  return dynamicEnergyAt(device, freq_mhz, floorEnergy(work, device, bytes), bytes);
}
