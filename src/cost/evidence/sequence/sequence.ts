import { at } from "../../../base/need.js";
import { type QueuedTask, runBeside } from "../../../math/fluid.js";
import { communicationAlone } from "./communication-alone.js";

/** When communication runs beside a sequence of segments, and with what. */
export interface OverlapSetting {
  /** The segment before which it is launched; -1: apart from all of them. */
  readonly first: number;
  /** The segment after which it is awaited; -1: see above. */
  readonly last: number;
  /** Thread blocks, one SM each; 0: the copy engine. */
  readonly sms: number;
  /** Threads of each block. */
  readonly threads: number;
}

/** What bounds a segment. */
export type SegmentClass = "matmul" | "attention" | "memory";

/** Kernels between which communication is neither launched nor awaited, one after the other. */
export interface Segment {
  readonly class: SegmentClass;
  readonly alone_s: number;
  /** Slowdown beside communication on every SM; in proportion on fewer. */
  readonly slowing: number;
  /** The share of its own rate that communication keeps. */
  readonly share: number;
  /** Until communication launched before it finds free SMs. */
  readonly lag_s: number;
  /** After communication is awaited behind it, until the next segment runs. */
  readonly resume_s: number;
}

/** A sequence of segments and one communication, as numbers, at one clock. */
export interface Sequence {
  readonly segments: readonly Segment[];
  /** What it takes more when communication runs apart from all segments. */
  readonly apart_s: number;
  /** Communication before its first byte. */
  readonly latency_s: number;
  /** Communication on one block, by threads. */
  readonly block_s: ReadonlyMap<number, number>;
  /** Communication on blocks that fill the links. */
  readonly link_s: number;
  /** How sharply the blocks' rate bends into that of the links. */
  readonly sharpness: number;
  /** Slowdown of any segment beside communication that fills the links. */
  readonly contention: number;
  /** Rates go as the clock to these powers. */
  readonly clock_power: Readonly<Record<SegmentClass | "communication", number>>;
}

/** The same sequence at another clock; `ratio` is its own clock over it. */
export function atClock(sequence: Sequence, ratio: number): Sequence {
  const { clock_power } = sequence;
  const communication = ratio ** clock_power.communication;
  const segments = sequence.segments.map((each) => {
    const slower = ratio ** clock_power[each.class];
    return { ...each, alone_s: each.alone_s * slower, lag_s: each.lag_s * slower };
  });
  const block_s = new Map([...sequence.block_s].map(([k, time_s]) => [k, time_s * communication]));
  return { ...sequence, segments, block_s, link_s: sequence.link_s * communication };
}

const total = (list: readonly Segment[]) => list.reduce((sum, { alone_s }) => sum + alone_s, 0);

/**
 * Seconds of a sequence with communication beside the segments from `first` to `last`: what is left of
 * it after `last` is waited for.
 */
export function sequenceTime(
  sequence: Sequence,
  setting: OverlapSetting,
  sm_count: number,
): number {
  const { segments, apart_s, latency_s, link_s, contention } = sequence;
  const { first, last, sms } = setting;
  const alone_s = communicationAlone(sequence, setting);
  const met = segments[first];
  if (met === undefined) return apart_s + latency_s + alone_s + total(segments);
  const task = ({ alone_s: whole_s, slowing, share }: Segment, part_s = whole_s): QueuedTask => ({
    gap_s: 0,
    alone_s: part_s,
    beside_s: part_s * (1 + (slowing * sms) / sm_count + (contention * link_s) / alone_s),
    traffic: 0,
    companion_share: share,
  });
  // Until it finds free SMs, communication is not there: the segment's first part runs alone.
  const before_s = Math.min(met.lag_s, met.alone_s);
  const queue = [
    task(met, met.alone_s - before_s),
    ...segments.slice(first + 1, last + 1).map((segment) => task(segment)),
  ];
  const companion = { first: 0, gap_s: latency_s, alone_s, traffic: 0 };
  const { time_s } = runBeside(queue, [companion], 1);
  const rest = segments.slice(last + 1);
  const after_s = rest.length > 0 ? at(segments, last).resume_s : 0;
  return total(segments.slice(0, first)) + before_s + time_s + after_s + total(rest);
}
