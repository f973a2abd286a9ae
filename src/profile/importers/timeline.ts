import { at, hotFloat } from "../../base/need.js";
import { Column, sortedIndices } from "./columns.js";

/*
 * When things ran, in columns: the events of a long trace as objects would not fit into memory.
 * Times are in whatever unit the trace has.
 */

/** What ran on devices. */
export class Runs {
  readonly from = new Column();
  readonly taking = new Column();
  readonly device = new Column();
  readonly stream = new Column();

  get length(): number {
    return this.from.length;
  }

  /** By device, then by start. */
  inOrder(): Uint32Array {
    const [device, from] = [this.device.numbers, this.from.numbers];
    return sortedIndices(
      this.length,
      (a, b) => hotFloat(device, a) - hotFloat(device, b) || hotFloat(from, a) - hotFloat(from, b),
    );
  }
}

/** The largest value among streams other than a given one: those of the two best streams are kept. */
class LargestElsewhere {
  #stream = Number.NaN;
  #first = Number.NEGATIVE_INFINITY;
  #second_stream = Number.NaN;
  #second = Number.NEGATIVE_INFINITY;

  take(stream: number, value: number): void {
    if (stream === this.#stream) this.#first = Math.max(this.#first, value);
    else if (value > this.#first) {
      this.#second_stream = this.#stream;
      this.#second = this.#first;
      this.#stream = stream;
      this.#first = value;
    } else if (stream === this.#second_stream || value > this.#second) {
      this.#second_stream = stream;
      this.#second = Math.max(this.#second, value);
    }
  }

  besides(stream: number): number {
    return stream === this.#stream ? this.#second : this.#first;
  }
}

/**
 * Which runs overlap a run of another stream of the same device, 1 where one does: a pass over the
 * starts for what began before, one back for what began after.
 */
export function contention(runs: Runs, order: Uint32Array): Uint8Array {
  const contended = new Uint8Array(runs.length);
  const { from, taking, device, stream } = runs;
  const pass = (indices: Iterable<number>, forth: boolean) => {
    let on = Number.NaN;
    let others = new LargestElsewhere();
    for (const run of indices) {
      if (hotFloat(device.numbers, run) !== on) {
        on = hotFloat(device.numbers, run);
        others = new LargestElsewhere();
      }
      const start = hotFloat(from.numbers, run);
      const end = start + hotFloat(taking.numbers, run);
      const own = hotFloat(stream.numbers, run);
      if (forth ? others.besides(own) > start : -others.besides(own) < end) contended[run] = 1;
      others.take(own, forth ? end : -start);
    }
  };
  pass(order, true);
  pass(order.toReversed(), false);
  return contended;
}

interface Interval {
  readonly device: number;
  readonly from: number;
  to: number;
}

/** When any of these ran: disjoint intervals, by device and time. */
function busyTimes(runs: Runs, order: Uint32Array): Interval[] {
  const busy: Interval[] = [];
  for (const run of order) {
    const device = hotFloat(runs.device.numbers, run);
    const from = hotFloat(runs.from.numbers, run);
    const to = from + hotFloat(runs.taking.numbers, run);
    const last = busy.at(-1);
    if (last !== undefined && last.device === device && from <= last.to) {
      last.to = Math.max(last.to, to);
    } else busy.push({ device, from, to });
  }
  return busy;
}

/** The share of some runs' time that others of their device ran beside; null where they took none. */
export function hiddenShare(runs: Runs, some: Uint32Array, others: Uint32Array): number | null {
  const busy = busyTimes(runs, others);
  const sums = new Float64Array(busy.length + 1);
  busy.forEach(({ from, to }, i) => {
    sums[i + 1] = hotFloat(sums, i) + to - from;
  });
  /** How long devices were busy, up to a time on one of them. */
  const until = (device: number, time: number): number => {
    let [low, high] = [0, busy.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const { device: of, from } = at(busy, middle);
      if (of < device || (of === device && from < time)) low = middle + 1;
      else high = middle;
    }
    const last = low > 0 ? at(busy, low - 1) : null;
    const open = last?.device === device ? Math.max(0, last.to - time) : 0;
    return hotFloat(sums, low) - open;
  };
  let [hidden, total] = [0, 0];
  for (const run of some) {
    const device = hotFloat(runs.device.numbers, run);
    const from = hotFloat(runs.from.numbers, run);
    const to = from + hotFloat(runs.taking.numbers, run);
    total += to - from;
    hidden += until(device, to) - until(device, from);
  }
  return total > 0 ? hidden / total : null;
}

/** What ran on threads of the host: calls, and the launches within them. */
export class HostEvents {
  readonly from = new Column();
  readonly taking = new Column();
  readonly thread = new Column();
  /** Of a launch, what it shares with the kernel; NaN for a call. */
  readonly correlation = new Column();
  /** Of a call, which; NaN for a launch. */
  readonly call = new Column();

  get length(): number {
    return this.from.length;
  }
}

/** The innermost call around each launch, as an index, by the launch's correlation: calls of a thread nest. */
export function innermostCalls(host: HostEvents): Map<number, number> {
  const [from, taking, thread] = [host.from.numbers, host.taking.numbers, host.thread.numbers];
  const order = sortedIndices(
    host.length,
    (a, b) =>
      hotFloat(thread, a) - hotFloat(thread, b) ||
      hotFloat(from, a) - hotFloat(from, b) ||
      hotFloat(taking, b) - hotFloat(taking, a),
  );
  const found = new Map<number, number>();
  let open: number[] = [];
  let on = Number.NaN;
  for (const event of order) {
    if (hotFloat(thread, event) !== on) open = [];
    on = hotFloat(thread, event);
    const ended = (call: number) =>
      hotFloat(from, call) + hotFloat(taking, call) < hotFloat(from, event);
    while (open.length > 0 && ended(at(open, -1))) open.pop();
    const inner = open.at(-1);
    const correlation = hotFloat(host.correlation.numbers, event);
    if (Number.isNaN(correlation)) open.push(event);
    else if (inner !== undefined) found.set(correlation, inner);
  }
  return found;
}
