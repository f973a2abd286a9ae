import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadDevice } from "../../gpu/device.js";
import type { MatmulWork, Work } from "../../ir/work.js";
import { kernelEnergy } from "./energy.js";
import { kernelTime } from "./kernels.js";
import { dynamicEnergyScale } from "./power.js";
import { memoryBandwidth } from "./share.js";

const device = loadDevice("a100-sxm4-40gb");
const TOP = 1410;
const ALL = 108;

const matmul = (
  m: number,
  n: number,
  k: number,
  dtype: MatmulWork["dtype"] = "bfloat16",
): Work => ({
  op: "matmul",
  b: 1,
  m,
  n,
  k,
  dtype,
});
const memory = (bytes: number, flops = 0): Extract<Work, { op: "memory" }> => ({
  op: "memory",
  class: "norm",
  bytes_read: bytes / 2,
  bytes_written: bytes / 2,
  flops,
  dtype: "bfloat16",
});
const attention = (direction: "forward" | "backward", b = 8): Work => ({
  op: "attention",
  b,
  heads: 3,
  kv_heads: 1,
  q_len: 4096,
  kv_len: 4096,
  head_dim: 128,
  causal: true,
  direction,
  dtype: "bfloat16",
});
/** Seconds beyond the start and end that every kernel has. */
const workTime = (work: Work, freq_mhz: number, sms = ALL) =>
  kernelTime(work, device, freq_mhz, sms) - device.kernel_start_s;
const rate = (work: Work, flops: number, sms = ALL) => flops / workTime(work, TOP, sms);

describe("matrix products", () => {
  test("a large product runs near the device file's rate, k and whole waves taken off", () => {
    const [m, n, k] = [32768, 8192, 8192];
    const reached = rate(matmul(m, n, k), 2 * m * n * k) / 210e12;
    expect(reached).toBeGreaterThan(0.95);
    expect(reached).toBeLessThanOrEqual(8192 / (8192 + 96));
  });

  test("one tile too many costs a wave", () => {
    // 108 tiles of 256 x 128 fill the device once.
    const fits = kernelTime(matmul(256 * 9, 128 * 12, 4096), device, TOP, ALL);
    const spills = kernelTime(matmul(256 * 9, 128 * 12 + 1, 4096), device, TOP, ALL);
    expect(spills / fits).toBeGreaterThan(1.1);
  });

  test("deep and narrow products split k instead of leaving SMs idle", () => {
    const weight_gradient = matmul(640, 768, 32768);
    const whole_tiles = Math.ceil(640 / 256) * Math.ceil(768 / 128);
    const unsplit_rate = (210e12 * whole_tiles) / ALL;
    expect(rate(weight_gradient, 2 * 640 * 768 * 32768)).toBeGreaterThan(2 * unsplit_rate);
  });

  test("busy tensor cores lower the clock where the power limit does not", () => {
    const hopper = loadDevice("h200");
    const busy = { ...hopper, gemm: { ...hopper.gemm, busy_clock_mhz: 1650 } };
    const at = (work: Work, clock: number) => kernelTime(work, busy, clock, 132);
    const [large, small] = [matmul(8192, 8192, 8192), matmul(1024, 1024, 1024)];
    expect(at(large, 1980)).toBeCloseTo(at(large, 1740), 4);
    expect(at(large, 1600)).toBeGreaterThan(at(large, 1700));
    expect(at(small, 1980)).toBeLessThan(at(small, 1900));
    expect(kernelEnergy(large, busy, 1980)).toBeCloseTo(kernelEnergy(large, busy, 1740), 2);
  });

  test("float32 runs near its own peak, which tensor cores do not reach of theirs", () => {
    const single_s = workTime(matmul(8192, 8192, 8192, "float32"), TOP);
    const peak_share = (2 * 8192 ** 3) / single_s / 19.5e12;
    expect(peak_share).toBeGreaterThan(0.91);
    expect(peak_share).toBeLessThan(0.93);
  });

  test("a matrix-vector product is bound by its weights", () => {
    const bytes = 2 * (8192 + 8192 * 8192 + 8192);
    expect(workTime(matmul(1, 8192, 8192), TOP)).toBeCloseTo(bytes / 1270e9, 9);
  });
});

describe("other kernels", () => {
  test("attention runs at its measured rates where there are blocks enough", () => {
    const scores = 8 * 3 * 4096 * 4096 * 128;
    expect(rate(attention("forward"), 2 * scores)).toBeCloseTo(177e12, -9);
    expect(rate(attention("backward"), 5 * scores)).toBeCloseTo(137e12, -9);
    const few = { ...attention("forward", 1), q_len: 128, kv_len: 65536 } as Work;
    expect(rate(few, 2 * 3 * 128 * 65536 * 128)).toBeLessThan((177e12 * 4) / ALL);
  });

  test("memory-bound kernels follow the measured bandwidth over the clock", () => {
    for (const [clock, gigabytes] of [
      [510, 825],
      [705, 983],
      [900, 1152],
      [1410, 1270],
    ] as const) {
      expect(1 / workTime(memory(1e9), clock)).toBeCloseTo(gigabytes, 6);
    }
    expect(memoryBandwidth(device, { freq_mhz: 255, sms: ALL })).toBeCloseTo(412.5e9, 0);
    expect(kernelTime(memory(0), device, TOP, ALL)).toBe(device.kernel_start_s);
  });

  test("a depthwise convolution is not charged for whole tiles", () => {
    const shape = { n: 32, out_spatial: 3136, in_spatial: 3136, kernel_spatial: 9 } as const;
    const depthwise: Work = {
      op: "conv",
      ...shape,
      c_in: 96,
      c_out: 96,
      groups: 96,
      dtype: "bfloat16",
    };
    const bytes = 2 * (32 * 2 * 96 * 3136 + 96 * 9);
    expect(workTime(depthwise, TOP)).toBeCloseTo(bytes / 1270e9, 9);
    const dense: Work = { ...depthwise, c_in: 512, c_out: 512, groups: 1 };
    const flops = 2 * 32 * 512 * 3136 * 512 * 9;
    expect(rate(dense, flops)).toBeGreaterThan(180e12);
  });
});

const works = fc.oneof(
  fc
    .tuple(
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 1, max: 40000 }),
    )
    .map(([m, n, k]) => matmul(m, n, k)),
  fc.integer({ min: 1, max: 1e9 }).map((bytes) => memory(bytes, bytes * 3)),
  fc.integer({ min: 1, max: 16 }).map((b) => attention("backward", b)),
);

test("never faster with fewer SMs or a slower clock", () => {
  fc.assert(
    fc.property(
      works,
      fc.integer({ min: 2, max: 107 }),
      fc.integer({ min: 300, max: 1395 }),
      (work, sms, clock) => {
        const time_s = kernelTime(work, device, clock, sms);
        expect(kernelTime(work, device, clock, sms + 1)).toBeLessThanOrEqual(time_s * (1 + 1e-12));
        expect(kernelTime(work, device, clock + 15, sms)).toBeLessThanOrEqual(time_s * (1 + 1e-12));
      },
    ),
    { seed: 3, numRuns: 500 },
  );
});

/** Up to here the voltage is at its floor. */
const FLOOR_MHZ = 1110;

test("energy counts operations and bytes, and a slower type costs more per operation", () => {
  const bytes = 2 * (1024 * 1024 * 3);
  expect(kernelEnergy(matmul(1024, 1024, 1024), device, FLOOR_MHZ)).toBeCloseTo(
    2 * 1024 ** 3 * device.gemm.energy_j_per_flop + bytes * device.gemm.energy_j_per_byte,
    12,
  );
  expect(kernelEnergy(memory(1e9), device, FLOOR_MHZ)).toBeCloseTo(
    1e9 * device.memory.energy_j_per_byte,
    12,
  );
  expect(kernelEnergy(matmul(1024, 1024, 1024, "float32"), device, FLOOR_MHZ)).toBeGreaterThan(
    10 * kernelEnergy(matmul(1024, 1024, 1024), device, FLOOR_MHZ),
  );
});

test("above the voltage floor, what DRAM takes of a byte stays and the rest follows the voltage", () => {
  const scale = dynamicEnergyScale(device, 1410);
  expect(scale).toBeGreaterThan(1.5);
  const dram_j = 1e9 * device.memory.dram_energy_j_per_byte;
  expect(kernelEnergy(memory(1e9), device, 1410)).toBeCloseTo(
    dram_j + (1e9 * device.memory.energy_j_per_byte - dram_j) * scale,
    12,
  );
});

describe("rows at no multiple of 16 bytes", () => {
  const hopper = loadDevice("h200");
  const seconds = (m: number, n: number, k: number) =>
    kernelTime(matmul(m, n, k), hopper, hopper.highest_clock_mhz, hopper.sm_count);
  const [tokens, hidden] = [16384, 768];

  test("slow all three products of a head, by whether they are odd", () => {
    for (const [vocabulary, share] of [
      [50257, 0.33],
      [50258, 0.58],
    ] as const) {
      const ratios = [
        seconds(tokens, 50304, hidden) / seconds(tokens, vocabulary, hidden),
        seconds(tokens, hidden, 50304) / seconds(tokens, hidden, vocabulary),
        seconds(hidden, 50304, tokens) / seconds(hidden, vocabulary, tokens),
      ];
      for (const ratio of ratios) expect(Math.abs(ratio - share)).toBeLessThan(0.1);
    }
  });

  test("tokens that a gradient sums over are no rows", () => {
    const [odd, even] = [seconds(hidden, 3072, 4 * 197), seconds(hidden, 3072, 4 * 198)];
    expect(odd).toBeLessThanOrEqual(even);
  });
});
