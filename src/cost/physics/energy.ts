import { byDefault } from "../../base/need.js";
import type { Device } from "../../gpu/device-schema.js";
import { bytesOf, flopsOf, type Work } from "../../ir/work.js";
import { attentionEffort } from "./attention.js";
import { dynamicEnergyAt, dynamicEnergyScale, idlePower } from "./power.js";
import { productClock } from "./products.js";
import { productRate, relativePeak } from "./share.js";

/**
 * Dynamic energy of a scalar instruction in J at the voltage floor: as if the power limit were what
 * float32 multiply-adds at their peak draw. At the highest clock of an H200 that is 17 pJ.
 */
function instructionEnergy(device: Device): number {
  const { highest_clock_mhz, power_cap_w, peak_flop_per_s } = device;
  const dynamic_w = power_cap_w - idlePower(device, highest_clock_mhz);
  const per_s = peak_flop_per_s.float32 / 2;
  return dynamic_w / per_s / dynamicEnergyScale(device, highest_clock_mhz);
}

/** Bytes that reach memory: a product whose operands fit the cache together finds and leaves them there. */
function memoryBytes(work: Work, device: Device): number {
  const bytes = bytesOf(work);
  return work.op === "matmul" && bytes <= device.l2_bytes ? 0 : bytes;
}

/** Dynamic energy of a kernel in J at the voltage floor: so much per operation and per byte. */
function floorEnergy(work: Work, device: Device, bytes: number): number {
  const { gemm, attention, memory } = device;
  if (work.op === "memory") {
    const instructions_j = byDefault(work.instructions, 0) * instructionEnergy(device);
    return (
      bytes * memory.energy_j_per_byte + work.flops * memory.energy_j_per_flop + instructions_j
    );
  }
  // A type of a quarter of the rate costs four times the energy: full rate draws the same power.
  if (work.op === "attention") {
    const flop_j = attention.energy_j_per_flop / relativePeak(device, work.dtype);
    return attentionEffort(work, device) * flop_j + bytes * attention.energy_j_per_byte;
  }
  const relative = productRate(device, work.dtype) / gemm.bfloat16_flop_per_s;
  return (flopsOf(work) * gemm.energy_j_per_flop) / relative + bytes * gemm.energy_j_per_byte;
}

/** Dynamic energy of a kernel in J at a clock; linear in the device's energies. */
export function kernelEnergy(work: Work, device: Device, freq_mhz: number): number {
  const bytes = memoryBytes(work, device);
  const clock_mhz = work.op === "matmul" ? productClock(work, device, freq_mhz) : freq_mhz;
  return dynamicEnergyAt(device, clock_mhz, floorEnergy(work, device, bytes), bytes);
}
