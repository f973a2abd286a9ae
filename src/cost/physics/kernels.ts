import { at, byDefault } from "../../base/need.js";
import type { Device } from "../../gpu/device-schema.js";
import type { DType } from "../../ir/tensor-graph.js";
import {
  type AttentionWork,
  bytesOf,
  type ConvWork,
  flopsOf,
  type MatmulWork,
  type Work,
} from "../../ir/work.js";
import { interpolate } from "../../math/interpolate.js";
import { dynamicEnergyAt } from "./power.js";

/** Bytes of one partial sum kept in float32, written once and read once. */
const PARTIAL_SUM_BYTES = 8;

/** Products that a matrix-like kernel computes. */
type Products = Pick<MatmulWork, "b" | "m" | "n" | "k" | "dtype">;

/** The part of the device that a kernel runs on. */
interface Share {
  readonly freq_mhz: number;
  readonly sms: number;
}

/**
 * Device memory bandwidth in bytes/s that `sms` SMs at a clock can ask for. It is measured over the
 * clock with all SMs; requests come from SM cycles, so fewer SMs count as a slower clock.
 */
export function memoryBandwidth(device: Device, freq_mhz: number, sms: number): number {
  const { freq_mhz: clocks, bytes_per_s } = device.memory.bandwidth;
  const clock = (freq_mhz * sms) / device.sm_count;
  const slowest = at(clocks, 0);
  return interpolate(clocks, bytes_per_s, clock) * Math.min(1, clock / slowest);
}

/** Dense peak of a type relative to bfloat16; types without one count as float32. */
function relativePeak(device: Device, dtype: DType): number {
  const peaks = device.peak_flop_per_s;
  const peak =
    dtype === "bfloat16" || dtype === "float16" || dtype === "float64"
      ? peaks[dtype]
      : peaks.float32;
  return peak / peaks.bfloat16;
}

/**
 * Matrix products by whole waves of tiles over the SMs; the best tile shape and split of k, as a
 * tuned library picks them. The k_half term is the start and end of each tile.
 */
function productTime(work: Products, device: Device, share: Share): number {
  const { gemm } = device;
  const { b, m, n, k } = work;
  const rate = gemm.bfloat16_flop_per_s * relativePeak(device, work.dtype);
  const sm_rate = (rate * share.freq_mhz) / device.highest_clock_mhz / device.sm_count;
  const bandwidth = memoryBandwidth(device, share.freq_mhz, share.sms);
  let best_s = Number.POSITIVE_INFINITY;
  for (const tile of gemm.tiles) {
    const tiles = b * Math.ceil(m / tile.m) * Math.ceil(n / tile.n);
    for (const split of gemm.split_k) {
      const depth = Math.ceil(k / split) + gemm.k_half;
      const tile_s = (2 * tile.m * tile.n * depth) / (sm_rate * tile.efficiency);
      const join_s = split === 1 ? 0 : (PARTIAL_SUM_BYTES * b * m * n * split) / bandwidth;
      const time_s = Math.ceil((tiles * split) / share.sms) * tile_s + join_s;
      if (time_s < best_s) best_s = time_s;
      // More splits only help while there are fewer tiles than SMs.
      if (tiles * split >= 2 * share.sms) break;
    }
  }
  return best_s;
}

function attentionTime(work: AttentionWork, device: Device, share: Share): number {
  const { attention } = device;
  const rate =
    work.direction === "forward" ? attention.forward_flop_per_s : attention.backward_flop_per_s;
  const blocks = work.b * work.heads * Math.ceil(work.q_len / attention.block_rows);
  const busy = Math.min(share.sms, blocks) / device.sm_count;
  const clock = share.freq_mhz / device.highest_clock_mhz;
  return flopsOf(work) / (rate * relativePeak(device, work.dtype) * clock * busy);
}

/** Time of `flops` on the ordinary float32 cores. */
function scalarTime(flops: number, device: Device, share: Share): number {
  const clock = share.freq_mhz / device.highest_clock_mhz;
  return (flops * device.sm_count) / (device.peak_flop_per_s.float32 * clock * share.sms);
}

/** Scalar integer instructions that one SM starts in a cycle, on Volta, Ampere and Hopper. */
const INTEGER_LANES = 64;

/** Time of scalar instructions beside arithmetic: addresses and conversions. */
function instructionTime(instructions: number, { freq_mhz, sms }: Share): number {
  return instructions / (INTEGER_LANES * sms * freq_mhz * 1e6);
}

/** Implicit matrix product, or the direct kernel where groups are too thin for tiles. */
function convTime(work: ConvWork, device: Device, share: Share): number {
  const products = {
    b: work.groups,
    m: work.n * work.out_spatial,
    n: work.c_out / work.groups,
    k: (work.c_in / work.groups) * work.kernel_spatial,
    dtype: work.dtype,
  };
  return Math.min(productTime(products, device, share), scalarTime(flopsOf(work), device, share));
}

function arithmeticTime(work: Work, device: Device, share: Share): number {
  switch (work.op) {
    case "matmul":
      return productTime(work, device, share);
    case "attention":
      return attentionTime(work, device, share);
    case "conv":
      return convTime(work, device, share);
    case "memory":
      return Math.max(
        scalarTime(work.flops, device, share),
        instructionTime(byDefault(work.instructions, 0), share),
      );
  }
}

/**
 * Seconds that a kernel runs alone on `sms` SMs at a clock, launch not included: the longer of its
 * arithmetic and its memory traffic. Never falls as SMs are taken away.
 */
export function kernelTime(work: Work, device: Device, freq_mhz: number, sms: number): number {
  const share = { freq_mhz, sms };
  const traffic_s = bytesOf(work) / memoryBandwidth(device, freq_mhz, sms);
  return Math.max(arithmeticTime(work, device, share), traffic_s);
}

/** Dynamic energy of a kernel in J at the voltage floor: so much per operation and per byte. */
function floorEnergy(work: Work, device: Device): number {
  const bytes = bytesOf(work);
  if (work.op === "memory") return bytes * device.memory.energy_j_per_byte;
  const { energy_j_per_flop, energy_j_per_byte } =
    work.op === "attention" ? device.attention : device.gemm;
  // A type of a quarter of the rate costs four times the energy: full rate draws the same power.
  const flop_j = energy_j_per_flop / relativePeak(device, work.dtype);
  return flopsOf(work) * flop_j + bytes * energy_j_per_byte;
}

/** Dynamic energy of a kernel in J at a clock; linear in the device's energies. */
export function kernelEnergy(work: Work, device: Device, freq_mhz: number): number {
  return dynamicEnergyAt(device, freq_mhz, floorEnergy(work, device), bytesOf(work));
}
