import type { Device } from "../../gpu/device-schema.js";
import type { Configuration, Cost } from "../../ir/configuration.js";
import type { PartitionType } from "../../ir/partition.js";
import type { Work } from "../../ir/work.js";
import { type Ridge, ridge } from "../../math/ridge.js";
import type { CostOracle } from "../oracle.js";

/**
 * What measurements say about the model: by how much kernels of a kind and communication are slower
 * or dearer than modelled, whichever partition they run in. So what is measured of one partition is
 * expected of the next, and what is measured of one workload of another.
 */
export interface LearnedError {
  /** ln(measured / modelled) of time and total energy. */
  readonly of: (partition: PartitionType, configuration: Configuration, measured: Cost) => Residual;
  /** Takes a measurement in. */
  readonly learn: (partition: PartitionType, configuration: Configuration, measured: Cost) => void;
  /** What the model answers, corrected by what was learned. */
  readonly cost: (partition: PartitionType, configuration: Configuration) => Expected;
}

interface Residual {
  readonly time: number;
  readonly energy: number;
}

interface Expected {
  readonly time_s: number;
  readonly energy_j: number;
}

/** The kinds of work whose error is one error. */
const KINDS: readonly (readonly Work["op"][])[] = [["matmul", "conv"], ["attention"], ["memory"]];

/**
 * Assumed, as logarithms: a model may be off by a factor of 1.35 for a kind of work, and 5% of a
 * measurement are neither that nor the model's.
 */
const COEFFICIENT = 0.3;
const UNEXPLAINED = 0.05;

/** Which part of a partition's work, one after the other at the highest clock, is of what kind. */
interface Mix {
  readonly kinds: readonly number[];
  readonly communication: number;
}

function mixOf(partition: PartitionType, model: CostOracle, device: Device): Mix {
  const at = { freq_mhz: device.highest_clock_mhz, launch_slot: null };
  const alone_s = (part: Partial<PartitionType>, sms: number) => {
    const nothing = { slots: [], free_order: [], communication: null, queued: [], kernels: [] };
    const own = { ...partition, ...nothing };
    return model.cost({ ...own, ...part }, { ...at, sms }).time_s;
  };
  const kinds_s = KINDS.map((ops) => {
    const kernels = partition.kernels.filter(({ work }) => ops.includes(work.op));
    return alone_s({ kernels }, 0);
  });
  const { communication, queued = [] } = partition;
  const communication_s =
    communication === null ? 0 : alone_s({ communication, queued }, device.default_comm_sms);
  const whole_s = kinds_s.reduce((sum, each) => sum + each, communication_s);
  return { kinds: kinds_s.map((each) => each / whole_s), communication: communication_s / whole_s };
}

/** Each kind's share alone and with the clock; communication's with SMs and with overlap too. */
function featuresOf(mix: Mix, device: Device, configuration: Configuration): number[] {
  const { freq_mhz, sms, launch_slot } = configuration;
  const clock = Math.log(freq_mhz / device.highest_clock_mhz);
  const channels = Math.log((1 + sms) / (1 + device.default_comm_sms));
  const overlaps = launch_slot === null ? 0 : mix.communication;
  return [
    ...mix.kinds.flatMap((share) => [share, share * clock]),
    ...[1, clock, channels].map((by) => mix.communication * by),
    ...[1, channels].map((by) => overlaps * by),
  ];
}

/** Features of a mix of that many kinds. */
const SIZE = 2 * KINDS.length + 5;

/** Nothing learned yet: the model's own answers. Energy is corrected where it is dynamic. */
export function learnedError(
  model: CostOracle,
  device: Device,
  static_power_w: number,
): LearnedError {
  const mixes = new Map<string, Mix>();
  const features = (partition: PartitionType, configuration: Configuration) => {
    const mix = mixes.get(partition.key) ?? mixOf(partition, model, device);
    mixes.set(partition.key, mix);
    return featuresOf(mix, device, configuration);
  };
  const [time, energy]: [Ridge, Ridge] = [
    ridge(SIZE, COEFFICIENT, UNEXPLAINED),
    ridge(SIZE, COEFFICIENT, UNEXPLAINED),
  ];
  const dynamic = ({ time_s, energy_j }: Expected) => energy_j - static_power_w * time_s;
  return {
    of: (partition, configuration, measured) => {
      const { time_s, energy_j } = model.cost(partition, configuration);
      const time = Math.log(measured.time_s / time_s);
      return { time, energy: Math.log(measured.energy_j / energy_j) };
    },
    learn: (partition, configuration, measured) => {
      const modelled = model.cost(partition, configuration);
      const at = features(partition, configuration);
      time.learn(at, Math.log(measured.time_s / modelled.time_s));
      const ratio = dynamic(measured) / dynamic(modelled);
      if (ratio > 0) energy.learn(at, Math.log(ratio));
    },
    cost: (partition, configuration) => {
      const modelled = model.cost(partition, configuration);
      const at = features(partition, configuration);
      const time_s = modelled.time_s * Math.exp(time.predict(at));
      const dynamic_j = dynamic(modelled) * Math.exp(energy.predict(at));
      return { time_s, energy_j: static_power_w * time_s + dynamic_j };
    },
  };
}
