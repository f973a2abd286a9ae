import { at } from "../../base/need.js";
import { remembered } from "../../base/remembered.js";
import type { Device } from "../../gpu/device-schema.js";
import type { Configuration } from "../../ir/configuration.js";
import {
  communicationsOf,
  kernelSequence,
  launchPlaces,
  type PartitionType,
} from "../../ir/partition.js";
import { bytesOf } from "../../ir/work.js";
import {
  type Companion,
  type QueuedTask,
  runBeside,
  type Stretch,
  type Watch,
} from "../../math/fluid.js";
import {
  communicationEnergy,
  communicationLatency,
  communicationTraffic,
  transferTime,
} from "./communication.js";
import { type Correction, UNCORRECTED } from "./correction.js";
import { kernelEnergy } from "./energy.js";
import { kernelTime } from "./kernels.js";
import { totalEnergy } from "./power.js";
import { memoryBandwidth } from "./share.js";
import type { TimeParts } from "./time-parts.js";
import { type OverlapTrace, type PartitionRun, piecesOf } from "./trace.js";

/** Everything of a partition that its runs at one clock share. */
interface ClockCosts {
  /** Seconds of each kernel with every SM. */
  readonly alone_s: readonly number[];
  readonly bandwidth: number;
  /** Dynamic energy of each communication, of each kernel, and of all. */
  readonly moved_j: readonly number[];
  readonly kernels_j: readonly number[];
  readonly dynamic_j: number;
  /** The queue by SMs given away while communication is there. */
  readonly queues: Map<number, readonly QueuedTask[]>;
}

/** A partition on a device: kernel and communication costs are kept between runs. */
export interface PartitionModel {
  /**
   * Plays the partition: kernels one after the other, communication beside them from its slot, what
   * is queued behind it likewise, memory bandwidth shared. Energy is idle power x time + dynamic
   * energy at that voltage, and never below static power x time.
   */
  readonly run: (configuration: Configuration) => PartitionRun;
  /** The same run, told piece by piece. */
  readonly trace: (configuration: Configuration) => OverlapTrace;
  /** What the run's time is made of; no clock is lowered here, so nothing is throttled. */
  readonly parts: (configuration: Configuration) => TimeParts;
}

/** Dynamic energies on one GPU in J at a clock; the rest of the schedule does not change them. */
export function dynamicEnergies(
  partition: PartitionType,
  device: Device,
  freq_mhz: number,
  correction: Correction,
) {
  return {
    moved_j: communicationsOf(partition).map((each) => communicationEnergy(each, device, freq_mhz)),
    kernels_j: partition.kernels.map(
      ({ work }) => kernelEnergy(work, device, freq_mhz) * correction.kernel(work, freq_mhz).energy,
    ),
  };
}

/**
 * How the slowing of kernels grows with the SMs of communication: on 4, 8, 16 and 32 SMs of an H200
 * norms, products of values and attention all follow this power within a point.
 */
const SLOWING_POWER = 2 / 3;

/**
 * Kernels as a queue. Beside communication on `sms` SMs each is slower and leaves it a share of its
 * rate, by the kind of kernel: communication waits for memory and caches that computation keeps busy.
 */
function computeQueue(
  partition: PartitionType,
  device: Device,
  alone_s: readonly number[],
  sms: number,
): QueuedTask[] {
  const taken = (sms / device.sm_count) ** SLOWING_POWER;
  return partition.kernels.map(({ work }, i) => {
    const whole_s = at(alone_s, i);
    const { slowing, share } = device.contention[work.op === "conv" ? "matmul" : work.op];
    return {
      gap_s: device.launch_time_s,
      alone_s: whole_s,
      beside_s: whole_s * (1 + slowing * taken),
      traffic: bytesOf(work),
      companion_share: share,
    };
  });
}

/** A run, and what its stretches speak of. */
interface Play extends PartitionRun {
  readonly queue_end_s: number;
  readonly clock: ClockCosts;
  /** Which kernel each place of the queue holds. */
  readonly sequence: readonly number[];
}

/** The costs of a partition at each clock that is asked for. */
function clockCosts(
  partition: PartitionType,
  device: Device,
  correction: Correction,
): (freq_mhz: number) => ClockCosts {
  const known = new Map<number, ClockCosts>();
  const made = (freq_mhz: number): ClockCosts => {
    const { moved_j, kernels_j } = dynamicEnergies(partition, device, freq_mhz, correction);
    return {
      alone_s: partition.kernels.map(
        ({ work }) =>
          kernelTime(work, device, freq_mhz, device.sm_count) *
          correction.kernel(work, freq_mhz).time,
      ),
      bandwidth: memoryBandwidth(device, { freq_mhz, sms: device.sm_count }),
      moved_j,
      kernels_j,
      dynamic_j: [...moved_j, ...kernels_j].reduce((sum_j, part_j) => sum_j + part_j, 0),
      queues: new Map(),
    };
  };
  return (freq_mhz) => remembered(known, freq_mhz, made);
}

/** Plays any configuration of a partition; a watcher is told every stretch and changes nothing. */
function player(
  partition: PartitionType,
  device: Device,
  correction: Correction,
): (configuration: Configuration, watch?: Watch) => Play {
  const { kernels } = partition;
  const communications = communicationsOf(partition);
  const atClock = clockCosts(partition, device, correction);

  return (configuration, watch) => {
    const { freq_mhz, sms, order } = configuration;
    const clock = atClock(freq_mhz);
    const sequence =
      order === undefined ? kernels.map((_, i) => i) : kernelSequence(partition, order);
    const firsts = launchPlaces(partition, configuration);
    // Launched last, communication meets no kernel and takes no SM away.
    const taken = firsts.every((first) => first === kernels.length) ? 0 : sms;
    const queue = remembered(clock.queues, taken, () =>
      computeQueue(partition, device, clock.alone_s, taken),
    );
    const companions = communications.map(
      (each, i): Companion => ({
        first: at(firsts, i),
        gap_s: communicationLatency(each, device),
        alone_s:
          transferTime(each, device, freq_mhz, sms) * correction.transfer(each, freq_mhz, sms),
        traffic: communicationTraffic(each, device),
      }),
    );
    const ordered = sequence.map((i) => at(queue, i));
    const { time_s, queue_end_s } = runBeside(ordered, companions, clock.bandwidth, watch);
    const energy_j = totalEnergy(device, freq_mhz, time_s, clock.dynamic_j);
    return { time_s, energy_j, queue_end_s, clock, sequence };
  };
}

/** Prepares a partition for many runs on one device, its parts corrected by measurements. */
export function partitionModel(
  partition: PartitionType,
  device: Device,
  correction: Correction = UNCORRECTED,
): PartitionModel {
  const play = player(partition, device, correction);
  const efforts = (traffic: readonly number[], dynamic_j: readonly number[]) =>
    traffic.map((bytes, i) => ({ traffic: bytes, dynamic_j: at(dynamic_j, i) }));
  return {
    run: (configuration) => {
      const { time_s, energy_j } = play(configuration);
      return { time_s, energy_j };
    },
    trace: (configuration) => {
      const stretches: Stretch[] = [];
      const { time_s, energy_j, clock, sequence } = play(configuration, (s) => stretches.push(s));
      const pieces = piecesOf(
        stretches,
        sequence,
        // What the run draws beside its dynamic energy, all along.
        time_s > 0 ? (energy_j - clock.dynamic_j) / time_s : 0,
        efforts(
          partition.kernels.map(({ work }) => bytesOf(work)),
          clock.kernels_j,
        ),
        efforts(
          communicationsOf(partition).map((each) => communicationTraffic(each, device)),
          clock.moved_j,
        ),
      );
      const { bandwidth } = clock;
      return { time_s, energy_j, clock_mhz: configuration.freq_mhz, bandwidth, pieces };
    },
    parts: (configuration) => {
      const { time_s, queue_end_s, clock } = play(configuration);
      const compute_s = clock.alone_s.reduce(
        (sum_s, alone_s) => sum_s + device.launch_time_s + alone_s,
        0,
      );
      return {
        compute_s,
        contention_s: queue_end_s - compute_s,
        exposed_communication_s: time_s - queue_end_s,
        throttling_s: 0,
      };
    },
  };
}
