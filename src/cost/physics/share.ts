import { at, byDefault } from "../../base/need.js";
import type { Device } from "../../gpu/device-schema.js";
import type { DType } from "../../ir/tensor-graph.js";
import { interpolate } from "../../math/interpolate.js";

/** The part of the device that a kernel runs on. */
export interface Share {
  readonly freq_mhz: number;
  readonly sms: number;
}

/**
 * Device memory bandwidth in bytes/s that `sms` SMs at a clock can ask for. It is measured over the
 * clock with all SMs; requests come from SM cycles, so fewer SMs count as a slower clock.
 */
export function memoryBandwidth(device: Device, { freq_mhz, sms }: Share): number {
  const { freq_mhz: clocks, bytes_per_s } = device.memory.bandwidth;
  const clock = (freq_mhz * sms) / device.sm_count;
  return interpolate(clocks, bytes_per_s, clock) * Math.min(1, clock / at(clocks, 0));
}

/** Dense peak of a type relative to bfloat16; types without one count as float32. */
export function relativePeak(device: Device, dtype: DType): number {
  const peaks = device.peak_flop_per_s;
  const own =
    dtype === "bfloat16" || dtype === "float16" || dtype === "float64" || dtype === "float8"
      ? peaks[dtype]
      : undefined;
  return byDefault(own, peaks.float32) / peaks.bfloat16;
}

/**
 * The part of their peak that products without tensor cores reach: memory feeds them easily. Chosen on
 * a forward pass of GPT-2 in float32 on A100-PCIe (batch 8 x 512), three others predicted.
 */
const ORDINARY_SHARE = 0.93;

/** FLOP/s of products of a type for unlimited k at the highest clock, all SMs busy. */
export function productRate(device: Device, dtype: DType): number {
  const relative = relativePeak(device, dtype);
  const tensor = dtype === "bfloat16" || dtype === "float16" || dtype === "float8";
  return tensor
    ? device.gemm.bfloat16_flop_per_s * relative
    : device.peak_flop_per_s.bfloat16 * relative * ORDINARY_SHARE;
}

/** Seconds of `flops` on the ordinary float32 cores. */
export function scalarTime(flops: number, device: Device, share: Share): number {
  const clock = share.freq_mhz / device.highest_clock_mhz;
  return (flops * device.sm_count) / (device.peak_flop_per_s.float32 * clock * share.sms);
}

/** Scalar integer instructions that one SM starts in a cycle, on Volta, Ampere and Hopper. */
const INTEGER_LANES = 64;

/** Time of scalar instructions beside arithmetic: addresses and conversions. */
export function instructionTime(instructions: number, { freq_mhz, sms }: Share): number {
  return instructions / (INTEGER_LANES * sms * freq_mhz * 1e6);
}
