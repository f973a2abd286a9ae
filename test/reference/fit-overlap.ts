import { communicationAlone } from "../../src/cost/evidence/sequence/communication-alone.js";
import { expectedOf } from "../../src/cost/evidence/sequence/expected.js";
import { fitSequence, sequenceModel } from "../../src/cost/evidence/sequence/fit-sequence.js";
import { atClock, type OverlapSetting } from "../../src/cost/evidence/sequence/sequence.js";
import { communicationTraffic } from "../../src/cost/physics/communication.js";
import { UNCORRECTED } from "../../src/cost/physics/correction.js";
import { dynamicEnergyScale, idlePower } from "../../src/cost/physics/power.js";
import { nonNegativeLeastSquares } from "../../src/fit/non-negative.js";
import type { Device } from "../../src/gpu/device-schema.js";
import type { PartitionType } from "../../src/ir/partition.js";
import { bytesOf } from "../../src/ir/work.js";
import { gaussianRegression } from "./gaussian-regression.js";

/** A measured schedule, its window in kernels: energy of one GPU. */
export interface OverlapPoint extends OverlapSetting {
  readonly time_s: number;
  readonly energy_j: number;
}

/** What was measured, and on what. */
interface OverlapBench {
  readonly device: Device;
  readonly freq_mhz: number;
  readonly partition: Pick<PartitionType, "kernels" | "communication">;
}

/** Predicts schedules of the partition, at the measured clock or at another. */
type OverlapModel = (
  settings: readonly OverlapSetting[],
  freq_mhz: number,
) => { readonly time_s: number; readonly energy_j: number }[];

/** Errors that the fitted sequence leaves, as logarithms, before the data speak. */
const RESIDUAL = 0.01;

/** Inputs of the correction are in units of this many segments. */
const SEGMENT_UNIT = 2;

/** The kernels at which segments start: wherever windows start, or have just ended. */
function startsOf(points: readonly OverlapSetting[], kernels: number): number[] {
  const starts = new Set([0, ...points.flatMap(({ first, last }) => [first, last + 1])]);
  return [...starts].filter((k) => k >= 0 && k < kernels).sort((a, b) => a - b);
}

/** Bytes that a partition moves through device memory. */
function memoryTraffic({ kernels, communication }: OverlapBench["partition"], device: Device) {
  const moved = communication === null ? 0 : communicationTraffic(communication, device);
  return kernels.reduce((sum, { work }) => sum + bytesOf(work), moved);
}

/**
 * Fits measured schedules of one partition: a sequence of segments with communication beside them,
 * then a Gaussian process on the logarithm of what is left. Energy is idle power x time plus terms
 * that are not negative: a constant, so much per cycle, so much per cycle of each block. At another
 * clock these follow the core's voltage, but for what DRAM takes of the bytes moved.
 */
export function fitOverlap(measured: readonly OverlapPoint[], bench: OverlapBench): OverlapModel {
  const { device, partition, freq_mhz: measured_mhz } = bench;
  const starts = startsOf(measured, partition.kernels.length);
  const segmentOf = (kernel: number) => starts.filter((start) => start <= kernel).length - 1;
  const inSegments = <Setting extends OverlapSetting>(setting: Setting, freq_mhz: number) => ({
    ...setting,
    first: setting.first < 0 ? -1 : segmentOf(setting.first),
    last: setting.last < 0 ? -1 : segmentOf(setting.last),
    freq_mhz,
  });
  const points = measured.map((point) => inSegments(point, measured_mhz));
  const expected = expectedOf(partition, starts, device, UNCORRECTED);
  const fitted = fitSequence(points, expected);
  const timeOf = sequenceModel(fitted, expected.freq_mhz, device.sm_count);
  const there = atClock(fitted, expected.freq_mhz / measured_mhz);

  const inputs = (settings: readonly OverlapSetting[]) =>
    settings.map(({ first, last, sms, threads }) => [
      first / SEGMENT_UNIT,
      last / SEGMENT_UNIT,
      Math.log(sms / ((there.block_s.get(threads) ?? there.link_s) / there.link_s)),
      Math.log(sms),
    ]);
  /** Corrects logarithms; the measured values say by how much. */
  const correction = (values: readonly number[], modelled: readonly number[]) => {
    const left = values.map((value, i) => Math.log(value / (modelled[i] as number)));
    const process = gaussianRegression(inputs(points), left, RESIDUAL);
    return (settings: readonly OverlapSetting[]) => process(inputs(settings));
  };
  const measured_s = points.map(({ time_s }) => time_s);
  const correctTime = correction(measured_s, points.map(timeOf));

  /** What dynamic energy is made of, in cycles relative to those of a second at the measured clock. */
  const drivers = (setting: OverlapSetting, freq_mhz: number, run_s: number) => {
    const cycles = freq_mhz / measured_mhz;
    const alone_s = communicationAlone(atClock(fitted, expected.freq_mhz / freq_mhz), setting);
    return [1, run_s * cycles, setting.sms * alone_s * cycles];
  };
  const energies = points.map(({ energy_j }) => energy_j);
  const rows = points.map((point) => drivers(point, measured_mhz, point.time_s));
  const idle_w = idlePower(device, measured_mhz);
  const dynamic = nonNegativeLeastSquares(
    rows.map((row, i) => row.map((x) => x / (energies[i] as number))),
    points.map(({ time_s, energy_j }) => 1 - (idle_w * time_s) / energy_j),
  );
  const traffic = memoryTraffic(partition, device);
  const energyOf = (row: readonly number[], freq_mhz: number, run_s: number) => {
    const here_j = row.reduce((sum, driver, i) => sum + driver * (dynamic[i] as number), 0);
    const dynamic_j = movedTo(here_j, traffic, device, measured_mhz, freq_mhz);
    return idlePower(device, freq_mhz) * run_s + dynamic_j;
  };
  const modelled_j = rows.map((row, i) => energyOf(row, measured_mhz, measured_s[i] as number));
  const correctEnergy = correction(energies, modelled_j);

  return (asked, freq_mhz) => {
    const settings = asked.map((setting) => inSegments(setting, freq_mhz));
    const [time_logs, energy_logs] = [correctTime(settings), correctEnergy(settings)];
    return settings.map((setting, i) => {
      const time_s = timeOf(setting) * Math.exp(time_logs[i] ?? 0);
      const energy_j = energyOf(drivers(setting, freq_mhz, time_s), freq_mhz, time_s);
      return { time_s, energy_j: energy_j * Math.exp(energy_logs[i] ?? 0) };
    });
  };
}

/** Dynamic energy in J measured at one clock as it would be at another, DRAM's part as it is. */
function movedTo(
  dynamic_j: number,
  bytes: number,
  device: Device,
  from_mhz: number,
  to_mhz: number,
): number {
  const dram_j = Math.min(dynamic_j, bytes * device.memory.dram_energy_j_per_byte);
  const scale = dynamicEnergyScale(device, to_mhz) / dynamicEnergyScale(device, from_mhz);
  return dram_j + (dynamic_j - dram_j) * scale;
}
