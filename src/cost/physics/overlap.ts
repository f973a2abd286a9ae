import type { Device } from "../../gpu/device-schema.js";
import type { Configuration } from "../../ir/configuration.js";
import {
  communicationsOf,
  kernelSequence,
  launchPlaces,
  type PartitionType,
} from "../../ir/partition.js";
import { bytesOf, type Work } from "../../ir/work.js";
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
import { kernelEnergy, kernelTime, memoryBandwidth } from "./kernels.js";
import { idlePower } from "./power.js";

/** One run of a partition at a clock that it really keeps. */
export interface PartitionRun {
  readonly time_s: number;
  /** Total energy of one GPU. */
  readonly energy_j: number;
}

/** What goes on between two events of a run. */
interface OverlapPiece {
  readonly start_s: number;
  readonly end_s: number;
  /** The kernel that runs, by index; null: none, it is being launched or all are done. */
  readonly kernel: number | null;
  /** Which of the partition's communications is there, by index; null: none. */
  readonly communication: number | null;
  /** Whether that moves data yet; waiting for its first byte it holds its SMs. */
  readonly moving: boolean;
  /** Device memory traffic. */
  readonly bytes_per_s: number;
  /** Of one GPU. */
  readonly power_w: number;
}

/** A run of a partition from within; its totals are those of the run. */
export interface OverlapTrace extends PartitionRun {
  /** The clock that the power cap leaves. */
  readonly clock_mhz: number;
  /** What device memory gives at most, bytes/s. */
  readonly bandwidth: number;
  /** One after the other from 0 to `time_s`. */
  readonly pieces: readonly OverlapPiece[];
}

/** What the time of a run is made of; the parts add up to it. */
export interface TimeParts {
  /** Kernels one after the other with every SM, at the clock asked for; launches included. */
  readonly compute_s: number;
  /** What they take longer because communication is beside them. */
  readonly contention_s: number;
  /** Communication after the last kernel. */
  readonly exposed_communication_s: number;
  /** What all of it takes longer because the power cap lowers the clock. */
  readonly throttling_s: number;
}

/**
 * The parts of a time that a model does not tell exactly: the model's own, in proportion. Where the
 * model has a run take no time at all it is compute.
 */
export function partsInProportion(parts: TimeParts, time_s: number): TimeParts {
  const { compute_s, contention_s, exposed_communication_s, throttling_s } = parts;
  const modelled_s = compute_s + contention_s + exposed_communication_s + throttling_s;
  const scale = modelled_s === 0 ? 0 : time_s / modelled_s;
  return {
    compute_s: modelled_s === 0 ? time_s : compute_s * scale,
    contention_s: contention_s * scale,
    exposed_communication_s: exposed_communication_s * scale,
    throttling_s: throttling_s * scale,
  };
}

/** Everything of a partition that its runs at one clock share. */
interface ClockCosts {
  /** Seconds of each kernel with every SM. */
  readonly alone_s: readonly number[];
  readonly bandwidth: number;
  readonly idle_w: number;
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
   * energy at that voltage.
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

/** What is spent in a stretch is what is done in it; zero-length ones, of work without time, are left out. */
function piecesOf(
  stretches: readonly Stretch[],
  sequence: readonly number[],
  idle_w: number,
  work: {
    readonly kernels: readonly { readonly traffic: number; readonly dynamic_j: number }[];
    readonly communications: readonly { readonly traffic: number; readonly dynamic_j: number }[];
  },
): OverlapPiece[] {
  return stretches
    .filter(({ start_s, end_s }) => end_s > start_s)
    .map(({ start_s, end_s, task, task_share, companion, companion_share, which }) => {
      const kernel = task === null ? null : (sequence[task] as number);
      const own = kernel === null ? undefined : work.kernels[kernel];
      const moved = which === undefined ? undefined : work.communications[which];
      const per_s = (of: "traffic" | "dynamic_j") =>
        (task_share * (own?.[of] ?? 0) + companion_share * (moved?.[of] ?? 0)) / (end_s - start_s);
      return {
        ...{ start_s, end_s, kernel, communication: which ?? null },
        moving: companion === "moving",
        bytes_per_s: per_s("traffic"),
        power_w: idle_w + per_s("dynamic_j"),
      };
    });
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
  const { kernels } = partition;
  const communications = communicationsOf(partition).map((communication) => ({
    communication,
    gap_s: communicationLatency(communication, device),
    traffic: communicationTraffic(communication, device),
  }));
  const clocks = new Map<number, ClockCosts>();

  const timeAt = (freq_mhz: number) => (work: Work, sms: number) =>
    kernelTime(work, device, freq_mhz, sms) * correction.kernel(work, freq_mhz).time;

  const atClock = (freq_mhz: number): ClockCosts => {
    const { moved_j, kernels_j } = dynamicEnergies(partition, device, freq_mhz, correction);
    return {
      alone_s: kernels.map(({ work }) => timeAt(freq_mhz)(work, device.sm_count)),
      bandwidth: memoryBandwidth(device, freq_mhz, device.sm_count),
      idle_w: idlePower(device, freq_mhz),
      ...{ moved_j, kernels_j },
      dynamic_j: [...moved_j, ...kernels_j].reduce((sum_j, part_j) => sum_j + part_j, 0),
      queues: new Map(),
    };
  };

  /** The run of a configuration and what its stretches speak of. */
  const play = (configuration: Configuration, watch?: Watch) => {
    const { freq_mhz, sms, order } = configuration;
    const clock = remembered(clocks, freq_mhz, () => atClock(freq_mhz));
    const sequence =
      order === undefined ? kernels.map((_, i) => i) : kernelSequence(partition, order);
    const firsts = launchPlaces(partition, configuration);
    // Launched last, communication meets no kernel and takes no SM away.
    const taken = firsts.every((first) => first === kernels.length) ? 0 : sms;
    const queue = remembered(clock.queues, taken, () =>
      computeQueue(partition, device, clock.alone_s, timeAt(freq_mhz), taken),
    );
    const companions = communications.map(
      ({ communication, gap_s, traffic }, i): Companion => ({
        first: firsts[i] as number,
        gap_s,
        alone_s:
          transferTime(communication, device, freq_mhz, sms) *
          correction.transfer(communication, freq_mhz, sms),
        traffic,
      }),
    );
    const ordered = sequence.map((i) => queue[i] as QueuedTask);
    const { time_s, queue_end_s } = runBeside(ordered, companions, clock.bandwidth, watch);
    const energy_j = clock.idle_w * time_s + clock.dynamic_j;
    return { time_s, energy_j, queue_end_s, clock, sequence };
  };

  const run = (configuration: Configuration): PartitionRun => {
    const { time_s, energy_j } = play(configuration);
    return { time_s, energy_j };
  };

  const trace = (configuration: Configuration): OverlapTrace => {
    const stretches: Stretch[] = [];
    const { time_s, energy_j, clock, sequence } = play(configuration, (s) => stretches.push(s));
    const pieces = piecesOf(stretches, sequence, clock.idle_w, {
      kernels: kernels.map(({ work }, i) => ({
        traffic: bytesOf(work),
        dynamic_j: clock.kernels_j[i] as number,
      })),
      communications: communications.map(({ traffic }, i) => ({
        traffic,
        dynamic_j: clock.moved_j[i] as number,
      })),
    });
    return {
      time_s,
      energy_j,
      clock_mhz: configuration.freq_mhz,
      bandwidth: clock.bandwidth,
      pieces,
    };
  };

  const parts = (configuration: Configuration): TimeParts => {
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
  };
  return { run, trace, parts };
}
