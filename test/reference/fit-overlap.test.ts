import { expect, test } from "vitest";
import { expectedOf } from "../../src/cost/evidence/sequence/expected.js";
import { atClock, type Sequence, sequenceTime } from "../../src/cost/evidence/sequence/sequence.js";
import { communicationTraffic } from "../../src/cost/physics/communication.js";
import { UNCORRECTED } from "../../src/cost/physics/correction.js";
import { loadDevice } from "../../src/gpu/device.js";
import { bytesOf } from "../../src/ir/work.js";
import { llamaLayer, partitionOf } from "../support/llama-layer.js";
import { fitOverlap, type OverlapPoint } from "./fit-overlap.js";

const device = {
  ...loadDevice("a100-sxm4-80gb"),
  idle_power: { freq_mhz: [900, 1410], power_w: [60, 80] },
  voltage: { freq_mhz: [900, 1110, 1410], voltage_v: [1, 1, 1.25] },
  voltage_exponent: 1.2,
};
const layer = llamaLayer(4, 4096);
const partition = partitionOf("forward.a", layer.forward_attention, layer.reduced_bytes);
const KERNELS = partition.kernels.length;

/** A board on which the parts of the partition behave otherwise than modelled. */
const expected = expectedOf(partition, [0, 1, 3, 4], device, UNCORRECTED);
const MADE: Sequence = {
  segments: expected.segments.map(({ class: kind, alone_s }, i) => ({
    class: kind,
    alone_s: alone_s * (1.4 - 0.2 * i),
    slowing: 0.8,
    share: 0.6 + 0.1 * i,
    lag_s: 2e-5 * i,
    resume_s: 3e-5,
  })),
  apart_s: 5e-5,
  latency_s: expected.latency_s,
  block_s: new Map([[512, 3 * expected.block_s]]),
  link_s: 1.5 * expected.link_s,
  sharpness: 2.5,
  contention: 0.1,
  clock_power: { matmul: 0.92, attention: 0.92, memory: 0.3, communication: 0.6 },
};
const SEGMENT_OF = [0, 1, 1, 2, 3, 3];
const WINDOWS = [
  [-1, -1],
  [0, 0],
  [0, 2],
  [0, 5],
  [1, 2],
  [1, 3],
  [3, 3],
  [3, 5],
  [4, 5],
] as const;
const DYNAMIC_J = 0.5;

const settings = WINDOWS.flatMap(([first, last]) =>
  [1, 2, 3, 4, 6, 8, 12, 16, 20].map((sms) => ({ first, last, sms, threads: 512 })),
);
/** The true board at a clock. */
const truth = (freq_mhz: number, idle_w: number, dynamic_j: number): OverlapPoint[] =>
  settings.map((setting) => {
    const { first, last } = setting;
    const inSegments = { first: SEGMENT_OF[first] ?? -1, last: SEGMENT_OF[last] ?? -1 };
    const at = { ...setting, ...inSegments };
    const time_s = sequenceTime(atClock(MADE, 1410 / freq_mhz), at, device.sm_count);
    return { ...setting, time_s, energy_j: idle_w * time_s + dynamic_j };
  });
const points = truth(1410, 80, DYNAMIC_J);
const fitted = points.filter((_, i) => i % 3 === 0);
const rest = points.filter((_, i) => i % 3 !== 0);
const model = fitOverlap(fitted, { device, freq_mhz: 1410, partition });

const meanError = (found: readonly number[], wanted: readonly number[]) =>
  found.reduce((sum, value, i) => sum + Math.abs(value / (wanted[i] as number) - 1), 0) /
  found.length;
const times = (list: readonly { readonly time_s: number }[]) => list.map(({ time_s }) => time_s);
const energies = (list: readonly { readonly energy_j: number }[]) =>
  list.map(({ energy_j }) => energy_j);

test("a third of a made-up sweep predicts the rest", () => {
  expect(KERNELS).toBe(SEGMENT_OF.length);
  const found = model(rest, 1410);
  expect(meanError(times(found), times(rest))).toBeLessThan(0.01);
  expect(meanError(energies(found), energies(rest))).toBeLessThan(0.01);
});

test("at the clock of the voltage floor, where nothing is fitted", () => {
  const { kernels, communication } = partition;
  const moved = communication === null ? 0 : communicationTraffic(communication, device);
  const bytes = kernels.reduce((sum, { work }) => sum + bytesOf(work), moved);
  const dram_j = bytes * device.memory.dram_energy_j_per_byte;
  expect(dram_j).toBeGreaterThan(0.02 * DYNAMIC_J);
  const wanted = truth(1110, 60 + (20 * 210) / 510, dram_j + (DYNAMIC_J - dram_j) / 1.25 ** 2.4);
  const found = model(settings, 1110);
  expect(meanError(times(found), times(wanted))).toBeLessThan(0.01);
  expect(meanError(energies(found), energies(wanted))).toBeLessThan(0.01);
});
