import type { Device } from "../gpu/device-schema.js";
import { launchIndex, type PartitionType } from "../ir/partition.js";
import { spread } from "../math/spread.js";
import { configurationOf, type PartitionRecord } from "../profile/records.js";
import type { Correction } from "./correction.js";
import { modelledOracle } from "./modelled.js";

/** Logarithms of what kernels' and transfers' times are multiplied by. */
interface Scales {
  readonly kernels: number;
  readonly transfer: number;
}

/** Records that the scales are fitted to, at most. */
const FITTED = 64;

/** What is left between model and measurement, once scaled; and how far scales may be from 1. */
const RESIDUAL_STD = 0.05;
const PRIOR_STD = 0.7;

/** Steps of the search in logarithms: from halving and doubling down to a percent. */
const FIRST_STEP = Math.LN2;
const LAST_STEP = 0.01;

function scaled(correction: Correction, { kernels, transfer }: Scales): Correction {
  const [compute, moving] = [Math.exp(kernels), Math.exp(transfer)];
  return {
    kernel: (work, freq_mhz) => {
      const { time, energy } = correction.kernel(work, freq_mhz);
      return { time: time * compute, energy };
    },
    transfer: (communication, freq_mhz, sms) =>
      correction.transfer(communication, freq_mhz, sms) * moving,
  };
}

/** The lowest of a function found by steps along its axes, halved where no step helps. */
function patternSearch(loss: (at: Scales) => number, axes: readonly (keyof Scales)[]): Scales {
  let best: Scales = { kernels: 0, transfer: 0 };
  let least = loss(best);
  for (let step = FIRST_STEP; step > LAST_STEP; ) {
    const tried = axes.flatMap((axis) =>
      [step, -step].map((change) => ({ ...best, [axis]: best[axis] + change })),
    );
    const losses = tried.map(loss);
    const found = losses.indexOf(Math.min(...losses));
    const candidate = tried[found];
    if (candidate === undefined || (losses[found] ?? least) >= least) step /= 2;
    else [best, least] = [candidate, losses[found] ?? least];
  }
  return best;
}

/**
 * A correction under which the model of a partition best fits its measured times: one factor for
 * all of its kernels and one for its transfer. Two numbers that a handful of measurements tells, and
 * that move the kinks (where communication stops being hidden) to where they are; what is finer is
 * left to kriging. Least squares of logarithms, the factors held near 1 where little was measured.
 */
export function fitScales(
  partition: PartitionType,
  records: readonly PartitionRecord[],
  device: Device,
  correction: Correction,
): Correction {
  const known = records
    .map((record) => ({ configuration: configurationOf(record), time_s: record.time_s }))
    .filter(({ configuration }) => launchIndex(partition, configuration) !== null);
  const shown = spread(known, FITTED);
  if (shown.length === 0) return correction;
  const loss = (at: Scales): number => {
    const model = modelledOracle(device, scaled(correction, at));
    const misses = shown.map(({ configuration, time_s }) => {
      const modelled = model.cost(partition, configuration);
      return modelled.time_s === 0 ? 0 : Math.log(time_s / modelled.time_s) / RESIDUAL_STD;
    });
    const squares = misses.reduce((sum, miss) => sum + miss ** 2, 0);
    return squares + (at.kernels / PRIOR_STD) ** 2 + (at.transfer / PRIOR_STD) ** 2;
  };
  const axes: (keyof Scales)[] = [
    ...(partition.kernels.length > 0 ? (["kernels"] as const) : []),
    ...(partition.communication === null ? [] : (["transfer"] as const)),
  ];
  return scaled(correction, patternSearch(loss, axes));
}
