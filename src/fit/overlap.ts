import type { Device } from "../gpu/device-schema.js";
import { dynamicEnergyScale, idlePower } from "../gpu/power.js";
import { leastSquares } from "../math/levenberg-marquardt.js";
import { nonNegativeLeastSquares } from "./non-negative.js";
import { fitProcess } from "./process.js";
import {
  communicationAlone,
  type OverlapSetting,
  type Segment,
  type Sequence,
  sequenceTime,
} from "./schedule.js";

/** What bounds a kernel. */
export type KernelClass = "matmul" | "attention" | "memory";

/** A measured schedule: energy of one GPU. */
export interface OverlapPoint extends OverlapSetting {
  readonly time_s: number;
  readonly energy_j: number;
}

/** Where and on what it was measured. */
interface OverlapBench {
  readonly device: Pick<Device, "sm_count" | "idle_power" | "voltage" | "voltage_exponent">;
  readonly freq_mhz: number;
  /** Each kernel of the sequence, in order. */
  readonly kernels: readonly KernelClass[];
}

/** Predicts schedules of the sequence, at the measured clock or at another. */
type OverlapModel = (
  settings: readonly OverlapSetting[],
  freq_mhz: number,
) => { readonly time_s: number; readonly energy_j: number }[];

/**
 * Rates go as the clock to these powers: those that carried overlapped partitions of an A100 from
 * its default clock to 1200 MHz (derived from the runs of the Kareus artifact).
 */
const CLOCK_POWER = { matmul: 0.92, attention: 0.92, memory: 0.3, communication: 0.6 } as const;

/** What a parameter is before the data speak: its typical value, and the log of a likely factor. */
interface Belief {
  readonly typical: number;
  readonly spread: number;
}

/** Times are in units of the fastest schedule measured, so that the beliefs fit any partition. */
const BELIEFS = {
  segment: { typical: 0.15, spread: 0.7 },
  slowing: { typical: 1, spread: 0.7 },
  share: { typical: 0.7, spread: 0.3 },
  lag: { typical: 0.02, spread: 1.5 },
  resume: { typical: 0.04, spread: 1 },
  /** The slowest schedule is mostly communication on one block. */
  block: { typical: 0.5, spread: 0.7 },
  link: { typical: 0.2, spread: 0.7 },
  sharpness: { typical: 3, spread: 0.5 },
  contention: { typical: 0.2, spread: 1 },
} satisfies Record<string, Belief>;

/** Errors that the sequence is expected to leave, relative. */
const RESIDUAL = 0.01;
const ITERATIONS = 60;

/** Inputs of the correction are in units of this many segments. */
const SEGMENT_UNIT = 2;

/** Maps kernels onto the segments between the places where windows start and end. */
function segmentation(
  points: readonly OverlapSetting[],
  kernels: number,
): (kernel: number) => number {
  const starts = new Set([0, ...points.flatMap(({ first, last }) => [first, last + 1])]);
  const sorted = [...starts].filter((k) => k >= 0 && k < kernels).sort((a, b) => a - b);
  return (kernel) => sorted.filter((start) => start <= kernel).length - 1;
}

const distinct = (values: readonly number[]) => [...new Set(values)].sort((a, b) => a - b);

/** Which parameters a set of schedules has, and how their logarithms make a sequence. */
function parameters(points: readonly OverlapPoint[], segments: number) {
  const unit_s = Math.min(...points.map(({ time_s }) => time_s));
  const slowest_s = Math.max(...points.map(({ time_s }) => time_s));
  const firsts = distinct(points.map(({ first }) => first).filter((first) => first >= 0));
  const lasts = distinct(points.map(({ last }) => last).filter((last) => last < segments - 1));
  const blocks = distinct(points.map(({ threads }) => threads));
  const { segment, slowing, share, lag, resume, block, link, sharpness, contention } = BELIEFS;
  const block_belief = { ...block, typical: (block.typical * slowest_s) / unit_s };
  const beliefs: readonly Belief[] = [
    ...Array.from({ length: segments }, () => [segment, slowing, share]).flat(),
    ...firsts.map(() => lag),
    ...lasts.map(() => resume),
    ...blocks.map(() => block_belief),
    link,
    sharpness,
    contention,
  ];
  const sequence = (logs: readonly number[]): Sequence => {
    const values = logs.map(Math.exp)[Symbol.iterator]();
    const next = () => values.next().value ?? 0;
    const byKey = (keys: readonly number[]) => new Map(keys.map((key) => [key, next() * unit_s]));
    return {
      segments: Array.from({ length: segments }, (): Segment => {
        return { alone_s: next() * unit_s, slowing: next(), share: Math.min(1, next()) };
      }),
      lag_s: byKey(firsts),
      resume_s: byKey(lasts),
      block_s: byKey(blocks),
      link_s: next() * unit_s,
      sharpness: next(),
      contention: next(),
    };
  };
  return { beliefs, sequence };
}

/** The sequence of least squared relative error in time, its parameters near what is typical. */
function fitSequence(
  points: readonly OverlapPoint[],
  segments: number,
  sm_count: number,
): Sequence {
  const { beliefs, sequence } = parameters(points, segments);
  const start = beliefs.map(({ typical }) => Math.log(typical));
  const residuals = (logs: readonly number[]) => {
    const tried = sequence(logs);
    const errors = points.map((point) => {
      return Math.log(sequenceTime(tried, point, sm_count) / point.time_s) / RESIDUAL;
    });
    const surprises = beliefs.map(({ spread }, i) => {
      return ((logs[i] as number) - (start[i] as number)) / spread;
    });
    return [...errors, ...surprises];
  };
  return sequence(leastSquares(residuals, start, ITERATIONS));
}

/** The same sequence at another clock; `ratio` is the measured clock over it. */
function atClock(sequence: Sequence, classes: readonly KernelClass[], ratio: number): Sequence {
  const slower = (segment: number) => ratio ** CLOCK_POWER[classes[segment] ?? "memory"];
  const communication = ratio ** CLOCK_POWER.communication;
  const scaled = (map: ReadonlyMap<number, number>, factor: (key: number) => number) =>
    new Map([...map].map(([key, time_s]) => [key, time_s * factor(key)]));
  return {
    ...sequence,
    segments: sequence.segments.map((each, i) => ({ ...each, alone_s: each.alone_s * slower(i) })),
    lag_s: scaled(sequence.lag_s, slower),
    block_s: scaled(sequence.block_s, () => communication),
    link_s: sequence.link_s * communication,
  };
}

/** What a segment of several kernels scales like: the first of these that is in it. */
const DOMINANT: readonly KernelClass[] = ["attention", "matmul", "memory"];

/**
 * Fits measured schedules of one partition: a sequence of kernels with communication beside them,
 * then a Gaussian process on the logarithm of what is left. Energy is idle power x time plus terms
 * that are not negative: a constant, so much per second, so much per second of each block.
 */
export function fitOverlap(measured: readonly OverlapPoint[], bench: OverlapBench): OverlapModel {
  const { device, kernels } = bench;
  const segmentOf = segmentation(measured, kernels.length);
  const inSegments = <Setting extends OverlapSetting>(setting: Setting): Setting => ({
    ...setting,
    first: setting.first < 0 ? -1 : segmentOf(setting.first),
    last: setting.last < 0 ? -1 : segmentOf(setting.last),
  });
  const points = measured.map(inSegments);
  const segments = segmentOf(kernels.length - 1) + 1;
  const classes = Array.from({ length: segments }, (_, segment) => {
    const inside = kernels.filter((_, kernel) => segmentOf(kernel) === segment);
    return DOMINANT.find((kind) => inside.includes(kind)) ?? "memory";
  });
  const fitted = fitSequence(points, segments, device.sm_count);
  const times = (settings: readonly OverlapSetting[], sequence: Sequence) =>
    settings.map((setting) => sequenceTime(sequence, setting, device.sm_count));

  const inputs = (settings: readonly OverlapSetting[]) =>
    settings.map(({ first, last, sms, threads }) => [
      first / SEGMENT_UNIT,
      last / SEGMENT_UNIT,
      Math.log(sms / ((fitted.block_s.get(threads) ?? fitted.link_s) / fitted.link_s)),
      Math.log(sms),
    ]);
  /** Corrects logarithms; the measured values say by how much. */
  const correction = (values: readonly number[], modelled: readonly number[]) => {
    const left = values.map((value, i) => Math.log(value / (modelled[i] as number)));
    const process = fitProcess(inputs(points), left, RESIDUAL);
    return (settings: readonly OverlapSetting[]) => process(inputs(settings));
  };
  const measured_s = points.map(({ time_s }) => time_s);
  const correctTime = correction(measured_s, times(points, fitted));

  const drivers = (
    settings: readonly OverlapSetting[],
    sequence: Sequence,
    run_s: readonly number[],
  ) =>
    settings.map((setting, i) => [
      1,
      run_s[i] as number,
      setting.sms * communicationAlone(sequence, setting),
    ]);
  const idle_w = idlePower(device, bench.freq_mhz);
  const energies = points.map(({ energy_j }) => energy_j);
  const dynamic = nonNegativeLeastSquares(
    drivers(points, fitted, measured_s).map((row, i) =>
      row.map((x) => x / (energies[i] as number)),
    ),
    points.map(({ time_s, energy_j }) => 1 - (idle_w * time_s) / energy_j),
  );
  const dynamicEnergy = (row: readonly number[]) =>
    row.reduce((sum, driver, i) => sum + driver * (dynamic[i] as number), 0);
  const modelled_j = drivers(points, fitted, measured_s).map(
    (row, i) => idle_w * (measured_s[i] as number) + dynamicEnergy(row),
  );
  const correctEnergy = correction(energies, modelled_j);

  return (asked, freq_mhz) => {
    const settings = asked.map(inSegments);
    const sequence = atClock(fitted, classes, bench.freq_mhz / freq_mhz);
    const [time_logs, energy_logs] = [correctTime(settings), correctEnergy(settings)];
    const run_s = times(settings, sequence).map(
      (time_s, i) => time_s * Math.exp(time_logs[i] ?? 0),
    );
    // Dynamic energy does not know how long it takes: its drivers stay those of the measured clock.
    const measured_run_s = times(settings, fitted);
    const scale = dynamicEnergyScale(device, freq_mhz) / dynamicEnergyScale(device, bench.freq_mhz);
    return drivers(settings, fitted, measured_run_s).map((row, i) => {
      const time_s = run_s[i] as number;
      const energy_j = idlePower(device, freq_mhz) * time_s + scale * dynamicEnergy(row);
      return { time_s, energy_j: energy_j * Math.exp(energy_logs[i] ?? 0) };
    });
  };
}
