import { at } from "../../../base/need.js";
import { type Belief, fitBelieved, type Take } from "../../../math/believed.js";
import { CLOCK_POWER } from "./clock-power.js";
import type { Expected } from "./expected.js";
import {
  atClock,
  type OverlapSetting,
  type Segment,
  type Sequence,
  sequenceTime,
} from "./sequence.js";

/** A measured schedule. */
export interface TimedSetting extends OverlapSetting {
  readonly freq_mhz: number;
  readonly time_s: number;
  /** The segments' order, by index; undefined: as they are. */
  readonly order?: readonly number[];
}

/**
 * Times that a model gives are off by common factors and by one of their own; lags and waits are in
 * units of the fastest schedule measured. Wide, so that a few measurements outweigh them: published
 * are the share (communication keeps 0.5 to 0.9 of its rate) and the slowdown of overlapped compute
 * (0.19 in the mean, 0.4 at most: arXiv 2507.03114), beside communication that fills the links.
 */
const BELIEFS = {
  kernels: { typical: 1, spread: 0.7 },
  segment: { typical: 1, spread: 0.7 },
  slowing: { typical: 1, spread: 0.7 },
  share: { typical: 0.7, spread: 0.3 },
  lag: { typical: 0.02, spread: 1.5 },
  resume: { typical: 0.04, spread: 1 },
  communication: { typical: 1, spread: 1 },
  block: { typical: 1, spread: 0.7 },
  link: { typical: 1, spread: 0.7 },
  sharpness: { typical: 3, spread: 0.5 },
  contention: { typical: 0.2, spread: 1 },
  clock: { typical: 1, spread: 0.15 },
} satisfies Record<string, Belief>;

/** Errors that the sequence is expected to leave, relative. */
const RESIDUAL = 0.01;
const ITERATIONS = 60;
/** A step that gains less is the last: what is left is less than the noise of measurements. */
const ENOUGH = 1e-3;

/**
 * Where the search starts: communication may be that much slower than expected, as a logarithm. From
 * one start alone it is caught where communication is wrongly hidden, or wrongly not.
 */
const STARTS = [0, 1, 2];

/** The sequence that its parameters make, whatever their values: which there are depends on the points. */
function sequenceOf(points: readonly TimedSetting[], expected: Expected, take: Take): Sequence {
  const unit_s = Math.min(...points.map(({ time_s }) => time_s));
  const end = expected.segments.length - 1;
  const awaited = new Set(points.map(({ last }) => last).filter((last) => last < end));
  const several_clocks = new Set(points.map(({ freq_mhz }) => freq_mhz)).size > 1;
  const power = (typical: number) => typical * (several_clocks ? take(BELIEFS.clock) : 1);
  const kernels = take(BELIEFS.kernels);
  const segments = expected.segments.map(
    (each, s): Segment => ({
      class: each.class,
      alone_s: each.alone_s * kernels * take(BELIEFS.segment),
      slowing: take(BELIEFS.slowing),
      share: Math.min(1, take(BELIEFS.share)),
      lag_s: unit_s * take(BELIEFS.lag),
      resume_s: awaited.has(s) ? unit_s * take(BELIEFS.resume) : 0,
    }),
  );
  const communication = take(BELIEFS.communication);
  const blockOf = () => expected.block_s * communication * take(BELIEFS.block);
  const threads = [...new Set(points.map((point) => point.threads))].sort((x, y) => x - y);
  return {
    segments,
    apart_s: expected.link_s > 0 ? unit_s * take(BELIEFS.resume) : 0,
    latency_s: expected.latency_s,
    block_s: new Map(threads.map((key) => [key, blockOf()])),
    link_s: expected.link_s * communication * take(BELIEFS.link),
    sharpness: take(BELIEFS.sharpness),
    contention: take(BELIEFS.contention),
    clock_power: {
      matmul: power(CLOCK_POWER.matmul),
      attention: power(CLOCK_POWER.attention),
      memory: power(CLOCK_POWER.memory),
      communication: power(CLOCK_POWER.communication),
    },
  };
}

/** Seconds of a sequence, known at one clock, at any setting and clock. */
export function sequenceModel(
  sequence: Sequence,
  freq_mhz: number,
  sm_count: number,
): (setting: Omit<TimedSetting, "time_s">) => number {
  const known = new Map<number, Sequence>();
  return (setting) => {
    const there = known.get(setting.freq_mhz) ?? atClock(sequence, freq_mhz / setting.freq_mhz);
    known.set(setting.freq_mhz, there);
    const { order } = setting;
    const ordered =
      order === undefined ? there : { ...there, segments: order.map((i) => at(there.segments, i)) };
    return sequenceTime(ordered, setting, sm_count);
  };
}

/** The sequence of least squared relative error in time, its parameters near what is typical. */
export function fitSequence(points: readonly TimedSetting[], expected: Expected): Sequence {
  const { model } = fitBelieved({
    make: (take) => sequenceOf(points, expected, take),
    errors: (made) => {
      const seconds = sequenceModel(made, expected.freq_mhz, expected.sm_count);
      return points.map((point) => Math.log(seconds(point) / point.time_s) / RESIDUAL);
    },
    ...{ searched: BELIEFS.communication, starts: STARTS, from: null },
    ...{ iterations: ITERATIONS, enough: ENOUGH },
  });
  return model;
}
