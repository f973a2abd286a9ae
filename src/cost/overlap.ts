import type { Device } from "../gpu/device-schema.js";
import { idlePower } from "../gpu/power.js";
import type { Configuration } from "../ir/configuration.js";
import { kernelSequence, launchIndex, type PartitionType } from "../ir/partition.js";
import { bytesOf, type Work } from "../ir/work.js";
import { type Companion, type QueuedTask, runBeside } from "../math/fluid.js";
import {
  communicationEnergy,
  communicationLatency,
  communicationTraffic,
  transferTime,
} from "./communication-model.js";
import { type Correction, UNCORRECTED } from "./correction.js";
import { kernelEnergy, kernelTime, memoryBandwidth } from "./kernel-model.js";

/** One run of a partition at a clock that it really keeps. */
export interface PartitionRun {
  readonly time_s: number;
  /** Total energy of one GPU. */
  readonly energy_j: number;
}

/** Everything of a partition that its runs at one clock share. */
interface ClockCosts {
  /** Seconds of each kernel with every SM. */
  readonly alone_s: readonly number[];
  readonly bandwidth: number;
  readonly idle_w: number;
  readonly dynamic_j: number;
  /** The queue by SMs given away while communication is there. */
  readonly queues: Map<number, readonly QueuedTask[]>;
}

/** A partition on a device: kernel and communication costs are kept between runs. */
export interface PartitionModel {
  /**
   * Plays the partition: kernels one after the other, communication beside them from its slot,
   * memory bandwidth shared. Energy is idle power x time + dynamic energy at that voltage.
   */
  readonly run: (configuration: Configuration) => PartitionRun;
}

/** Dynamic energy on one GPU in J at a clock; the rest of the schedule does not change it. */
export function dynamicEnergy(
  partition: PartitionType,
  device: Device,
  freq_mhz: number,
  correction: Correction,
): number {
  const { kernels, communication } = partition;
  const moved_j = communication === null ? 0 : communicationEnergy(communication, device, freq_mhz);
  return kernels.reduce(
    (sum_j, { work }) =>
      sum_j + kernelEnergy(work, device, freq_mhz) * correction.kernel(work, freq_mhz).energy,
    moved_j,
  );
}

/** Kernels as a queue: beside communication each has only the SMs that it leaves. */
function computeQueue(
  partition: PartitionType,
  device: Device,
  alone_s: readonly number[],
  timeOf: (work: Work, sms: number) => number,
  sms: number,
): QueuedTask[] {
  return partition.kernels.map(({ work }, i) => {
    const whole_s = alone_s[i] as number;
    return {
      gap_s: device.launch_time_s,
      alone_s: whole_s,
      beside_s: sms === 0 ? whole_s : timeOf(work, device.sm_count - sms),
      traffic: bytesOf(work),
      companion_share: 1,
    };
  });
}

/** The value of a key, made on first use. */
function remembered<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** Prepares a partition for many runs on one device, its parts corrected by measurements. */
export function partitionModel(
  partition: PartitionType,
  device: Device,
  correction: Correction = UNCORRECTED,
): PartitionModel {
  const { communication, kernels } = partition;
  const gap_s = communication === null ? 0 : communicationLatency(communication, device);
  const traffic = communication === null ? 0 : communicationTraffic(communication, device);
  const clocks = new Map<number, ClockCosts>();

  const timeAt = (freq_mhz: number) => (work: Work, sms: number) =>
    kernelTime(work, device, freq_mhz, sms) * correction.kernel(work, freq_mhz).time;

  const atClock = (freq_mhz: number): ClockCosts => ({
    alone_s: kernels.map(({ work }) => timeAt(freq_mhz)(work, device.sm_count)),
    bandwidth: memoryBandwidth(device, freq_mhz, device.sm_count),
    idle_w: idlePower(device, freq_mhz),
    dynamic_j: dynamicEnergy(partition, device, freq_mhz, correction),
    queues: new Map(),
  });

  const run = (configuration: Configuration): PartitionRun => {
    const { freq_mhz, sms, order } = configuration;
    const clock = remembered(clocks, freq_mhz, () => atClock(freq_mhz));
    const sequence =
      order === undefined ? kernels.map((_, i) => i) : kernelSequence(partition, order);
    const first = launchIndex(partition, configuration);
    if (first === null) {
      throw new Error(`${partition.key} has no launch slot ${configuration.launch_slot}`);
    }
    // Launched last, communication meets no kernel and takes no SM away.
    const taken = first === kernels.length ? 0 : sms;
    const queue = remembered(clock.queues, taken, () =>
      computeQueue(partition, device, clock.alone_s, timeAt(freq_mhz), taken),
    );
    const companion: Companion | null = communication && {
      first,
      gap_s,
      alone_s:
        transferTime(communication, device, freq_mhz, sms) *
        correction.transfer(communication, freq_mhz, sms),
      traffic,
    };
    const ordered = sequence.map((i) => queue[i] as QueuedTask);
    const { time_s } = runBeside(ordered, companion, clock.bandwidth);
    return { time_s, energy_j: clock.idle_w * time_s + clock.dynamic_j };
  };
  return { run };
}
