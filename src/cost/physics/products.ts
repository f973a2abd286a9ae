import type { Device } from "../../gpu/device-schema.js";
import { type ConvWork, dtypeBytes, flopsOf, type MatmulWork } from "../../ir/work.js";
import { memoryBandwidth, productRate, type Share, scalarTime } from "./share.js";

/** Bytes of one partial sum kept in float32, written once and read once. */
const PARTIAL_SUM_BYTES = 8;

/** Bytes at whose multiples rows must start for the fastest instructions of a chip to load them. */
const ALIGNED_BYTES = 16;

/**
 * Where sums longer than this are over columns of a file, a vocabulary, and not over the tokens of a
 * weight's gradient, which lie one below the other.
 */
const MOST_TOKENS = 8192;

/**
 * The share of its rate that a product of 16-bit floats keeps. Rows of n results and of k operands
 * that do not start at multiples of 16 bytes, those of a vocabulary of 50257, cannot be loaded by the
 * chip's fastest instructions.
 */
function keptShare({ n, k, dtype }: Products, { gemm }: Device): number {
  const { unaligned_efficiency } = gemm;
  const bytes = dtypeBytes(dtype);
  if (unaligned_efficiency === undefined || bytes !== 2) return 1;
  const rows = k > MOST_TOKENS ? [n, k] : [n];
  const off = (elements: number) => rows.some((row) => row > 1 && row % elements !== 0);
  if (off(2)) return unaligned_efficiency.odd;
  return off(ALIGNED_BYTES / bytes) ? unaligned_efficiency.even : 1;
}

/** Products that a matrix-like kernel computes. */
type Products = Pick<MatmulWork, "b" | "m" | "n" | "k" | "dtype">;

/**
 * Seconds of matrix products by whole waves of tiles over the SMs; the best tile shape and split of k,
 * as a tuned library picks them. The k_half term is the start and end of each tile, which takes a
 * small one as long as the largest.
 */
export function productTime(work: Products, device: Device, share: Share): number {
  const { gemm } = device;
  const { b, m, n, k } = work;
  const rate = productRate(device, work.dtype);
  const clock = share.freq_mhz / device.highest_clock_mhz;
  const sm_rate = (rate * keptShare(work, device) * clock) / device.sm_count;
  const bandwidth = memoryBandwidth(device, share);
  // A time, whatever the type: that of so much of k in bfloat16.
  const k_half = (gemm.k_half * rate) / gemm.bfloat16_flop_per_s;
  const largest = Math.max(...gemm.tiles.map((tile) => tile.m * tile.n));
  let best_s = Number.POSITIVE_INFINITY;
  for (const tile of gemm.tiles) {
    const tiles = b * Math.ceil(m / tile.m) * Math.ceil(n / tile.n);
    const start = (k_half * largest) / (tile.m * tile.n);
    for (const split of gemm.split_k) {
      const depth = Math.ceil(k / split) + start;
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

/**
 * The clock in MHz at which products run that are asked for at `freq_mhz`: busy tensor cores lower it
 * even where the power limit does not. It falls with the fourth power of their utilisation:
 * products of zeros on an H200 run at 1740 MHz and 396 W at 0.93 of their rate, small ones of random
 * data at up to 1905 MHz at 0.6 of it.
 */
export function productClock(work: MatmulWork, device: Device, freq_mhz: number): number {
  const { highest_clock_mhz, sm_count, gemm } = device;
  const { busy_clock_mhz } = gemm;
  if (busy_clock_mhz === undefined || freq_mhz <= busy_clock_mhz) return freq_mhz;
  const rate = productRate(device, work.dtype);
  const time_s = productTime(work, device, { freq_mhz: highest_clock_mhz, sms: sm_count });
  const busy = flopsOf(work) / (time_s * rate);
  return Math.min(freq_mhz, highest_clock_mhz - (highest_clock_mhz - busy_clock_mhz) * busy ** 4);
}

/** Seconds of an implicit matrix product, or of the direct kernel where groups are too thin for tiles. */
export function convTime(work: ConvWork, device: Device, share: Share): number {
  const products = {
    b: work.groups,
    m: work.n * work.out_spatial,
    n: work.c_out / work.groups,
    k: (work.c_in / work.groups) * work.kernel_spatial,
    dtype: work.dtype,
  };
  return Math.min(productTime(products, device, share), scalarTime(flopsOf(work), device, share));
}
