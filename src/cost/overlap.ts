import type { Device } from "../gpu/device-schema.js";
import { dynamicEnergyScale, idlePower } from "../gpu/power.js";
import type { Configuration } from "../ir/configuration.js";
import { kernelSequence, type PartitionType } from "../ir/partition.js";
import { bytesOf } from "../ir/work.js";
import { type Companion, type QueuedTask, runBeside } from "../math/fluid.js";
import {
  communicationEnergy,
  communicationLatency,
  communicationTraffic,
  transferTime,
} from "./communication-model.js";
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

/** The place in a sequence of kernels before which communication starts; its length: after the last. */
function launchIndex(
  partition: PartitionType,
  launch_slot: string | null,
  sequence: readonly number[],
): number {
  if (launch_slot === null) return sequence.length;
  const slot = partition.slots.find(({ name }) => name === launch_slot);
  if (slot === undefined) throw new Error(`${partition.key} has no launch slot ${launch_slot}`);
  return sequence.indexOf(slot.first);
}

/** Dynamic energy on one GPU in J at the voltage floor; the schedule does not change it. */
function floorEnergy(partition: PartitionType, device: Device): number {
  const { kernels, communication } = partition;
  const moved_j = communication === null ? 0 : communicationEnergy(communication, device);
  return kernels.reduce((sum_j, { work }) => sum_j + kernelEnergy(work, device), moved_j);
}

/** Kernels as a queue: beside communication each has only the SMs that it leaves. */
function computeQueue(
  partition: PartitionType,
  device: Device,
  alone_s: readonly number[],
  freq_mhz: number,
  sms: number,
): QueuedTask[] {
  return partition.kernels.map(({ work }, i) => {
    const whole_s = alone_s[i] as number;
    return {
      gap_s: device.launch_time_s,
      alone_s: whole_s,
      beside_s: sms === 0 ? whole_s : kernelTime(work, device, freq_mhz, device.sm_count - sms),
      traffic: bytesOf(work),
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

/** Prepares a partition for many runs on one device. */
export function partitionModel(partition: PartitionType, device: Device): PartitionModel {
  const { communication, kernels } = partition;
  const floor_j = floorEnergy(partition, device);
  const gap_s = communication === null ? 0 : communicationLatency(communication, device);
  const traffic = communication === null ? 0 : communicationTraffic(communication, device);
  const clocks = new Map<number, ClockCosts>();

  const atClock = (freq_mhz: number): ClockCosts => ({
    alone_s: kernels.map(({ work }) => kernelTime(work, device, freq_mhz, device.sm_count)),
    bandwidth: memoryBandwidth(device, freq_mhz, device.sm_count),
    idle_w: idlePower(device, freq_mhz),
    dynamic_j: floor_j * dynamicEnergyScale(device, freq_mhz),
    queues: new Map(),
  });

  const run = (configuration: Configuration): PartitionRun => {
    const { freq_mhz, sms, order } = configuration;
    const clock = remembered(clocks, freq_mhz, () => atClock(freq_mhz));
    const sequence =
      order === undefined ? kernels.map((_, i) => i) : kernelSequence(partition, order);
    const first = launchIndex(partition, configuration.launch_slot, sequence);
    // Launched last, communication meets no kernel and takes no SM away.
    const taken = first === kernels.length ? 0 : sms;
    const queue = remembered(clock.queues, taken, () =>
      computeQueue(partition, device, clock.alone_s, freq_mhz, taken),
    );
    const companion: Companion | null = communication && {
      first,
      gap_s,
      alone_s: transferTime(communication, device, freq_mhz, sms),
      traffic,
    };
    const ordered = sequence.map((i) => queue[i] as QueuedTask);
    const { time_s } = runBeside(ordered, companion, clock.bandwidth);
    return { time_s, energy_j: clock.idle_w * time_s + clock.dynamic_j };
  };
  return { run };
}
