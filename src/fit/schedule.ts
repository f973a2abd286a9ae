import { type QueuedTask, runBeside } from "../math/fluid.js";

/** When communication runs beside a sequence of kernels, and with what. */
export interface OverlapSetting {
  /** The kernel before which it is launched; -1: before all, and awaited before the first. */
  readonly first: number;
  /** The kernel after which it is awaited; -1: see above. */
  readonly last: number;
  /** Thread blocks, one SM each. */
  readonly sms: number;
  /** Threads of each block. */
  readonly threads: number;
}

/** Kernels that no measured window tells apart, run one after the other. */
export interface Segment {
  readonly alone_s: number;
  /** Slowdown beside communication on every SM; in proportion on fewer. */
  readonly slowing: number;
  /** The share of its own rate that communication keeps. */
  readonly share: number;
}

/** A sequence of segments and one communication, as numbers. */
export interface Sequence {
  readonly segments: readonly Segment[];
  /** Until communication launched before a segment finds free SMs: seconds, by that segment. */
  readonly lag_s: ReadonlyMap<number, number>;
  /** After the wait for communication, until the next kernel runs: seconds, by the segment before. */
  readonly resume_s: ReadonlyMap<number, number>;
  /** Communication on one block, by threads. */
  readonly block_s: ReadonlyMap<number, number>;
  /** Communication on blocks that fill the links. */
  readonly link_s: number;
  /** How sharply the blocks' rate bends into that of the links. */
  readonly sharpness: number;
  /** Slowdown of any kernel beside communication that fills the links. */
  readonly contention: number;
}

const found = (map: ReadonlyMap<number, number>, key: number) => map.get(key) ?? 0;

/** Seconds of communication with nothing beside it. */
export function communicationAlone(
  { block_s, link_s, sharpness }: Sequence,
  { sms, threads }: OverlapSetting,
): number {
  return ((found(block_s, threads) / sms) ** sharpness + link_s ** sharpness) ** (1 / sharpness);
}

/**
 * Seconds of a sequence with communication beside the segments from `first` to `last` (segments, not
 * kernels): what is left of it after `last` is waited for.
 */
export function sequenceTime(
  sequence: Sequence,
  setting: OverlapSetting,
  sm_count: number,
): number {
  const { segments, lag_s, resume_s, link_s, contention } = sequence;
  const { first, last, sms } = setting;
  const alone_s = communicationAlone(sequence, setting);
  const total = (list: readonly Segment[]) => list.reduce((sum, each) => sum + each.alone_s, 0);
  const after_s = last < segments.length - 1 ? found(resume_s, last) : 0;
  if (first < 0) return alone_s + after_s + total(segments);
  const task = ({ alone_s: whole_s, slowing, share }: Segment, part_s = whole_s): QueuedTask => ({
    gap_s: 0,
    alone_s: part_s,
    beside_s: part_s * (1 + (slowing * sms) / sm_count + (contention * link_s) / alone_s),
    traffic: 0,
    companion_share: share,
  });
  // Until it finds free SMs, communication is not there: the kernel's first part runs alone.
  const met = segments[first] as Segment;
  const before_s = Math.min(found(lag_s, first), met.alone_s);
  const queue = [
    task(met, met.alone_s - before_s),
    ...segments.slice(first + 1, last + 1).map((segment) => task(segment)),
  ];
  const { time_s } = runBeside(queue, [{ first: 0, gap_s: 0, alone_s, traffic: 0 }], 1);
  return (
    total(segments.slice(0, first)) + before_s + time_s + after_s + total(segments.slice(last + 1))
  );
}
