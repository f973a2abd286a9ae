import { at } from "../base/need.js";
import type { ActivityCurve, ActivityGraph } from "../math/activity-graph.js";
import { TimeCostFlow } from "../math/time-cost-flow.js";
import type { Network, OptionSet } from "./network.js";
import { replay } from "./replay.js";

/**
 * The continuous relaxation of a pipeline problem: every instruction may take any duration between
 * its options, at the energy of their lower convex hull. Its least energy as a function of the
 * iteration's time is convex and piecewise linear, and no discrete plan is below it.
 */
export interface Relaxation {
  /** With every instruction at its fastest. */
  readonly fastest_s: number;
  /** Past it, waiting costs more than it saves. */
  readonly energy_optimal_time_s: number;
  /** Least energy at a time, static energy included; Infinity before `fastest_s`. */
  readonly boundAt: (time_s: number) => number;
  /** Where the bound bends, descending from the energy-optimal to the fastest time, both included. */
  readonly breakpoints_s: readonly number[];
  /** For each deadline, descending: optimal durations of all instructions. */
  readonly solutions: readonly RelaxedSolution[];
}

export interface RelaxedSolution {
  readonly deadline_s: number;
  readonly duration_s: Float64Array;
  /** When each instruction has to end. */
  readonly end_s: Float64Array;
  /** What a second of each instruction's time is worth. */
  readonly price_w: Float64Array;
  /** Sum of dynamic energies. */
  readonly dynamic_j: number;
}

/** Relative rounding of times and powers that comparisons forgive. */
const EPSILON = 1e-9;

/**
 * Solves the relaxation for all times at once, as the time-cost trade-off problem of project
 * scheduling (Kelley 1961, Fulkerson 1961, Phillips & Dessouky 1977; for pipelines with GPU clocks:
 * Perseus, arXiv 2312.06902, which steps by fixed amounts where this goes from breakpoint to
 * breakpoint). The dual is a flow, see {@link TimeCostFlow}, whose amount is the power in watts
 * that shortening costs: between two breakpoints the dynamic energy has slope -flow, and the total
 * energy is least where the flow passes stages x static power.
 * @param deadlines how many, evenly spaced from the fastest to the energy-optimal time; or which, in
 * seconds and descending: they are moved between these two times
 */
export function relax(network: Network, deadlines: number | readonly number[]): Relaxation {
  const { sets, stages, static_power_w } = network;
  const idle_power_w = stages * static_power_w;
  const slowest = replay(
    network,
    Int32Array.from(sets, ({ options }) => options.length - 1),
  );
  const fastest_s = replay(network, new Int32Array(sets.length)).time_s;

  const graph = activityGraph(network);
  const flow = new TimeCostFlow(graph, slowestEvents(network, slowest));
  const events = new Float64Array(graph.events);
  const curve = new Curve(sumOfCheapest(sets), slowest.time_s);
  const solutions: RelaxedSolution[] = [];
  let optimal_s: number | null = null;
  /** Solves the deadlines that lie between the present time and `until_s`. */
  const solve = (until_s: number) => {
    while (optimal_s !== null) {
      const deadline_s = nthDeadline(fastest_s, optimal_s, deadlines, solutions.length);
      if (deadline_s === null || deadline_s < until_s) return;
      const sooner_s = Math.max(0, flow.time - deadline_s);
      flow.eventsAt(sooner_s, events);
      const price_w = flow.prices();
      const end_s = Float64Array.from(sets, (_, i) => at(events, 2 * i + 1));
      const dynamic_j = curve.last_j + flow.flow * sooner_s;
      const duration_s = durations(sets, events);
      solutions.push({ deadline_s, duration_s, end_s, price_w, dynamic_j });
    }
  };
  for (;;) {
    const bounded = flow.saturate();
    if (!bounded || flow.flow > idle_power_w * (1 + EPSILON)) {
      optimal_s ??= Math.max(flow.time, fastest_s);
    }
    if (!bounded) break;
    solve(flow.time - flow.descend());
    flow.settle();
    curve.extend(flow.flow, flow.time);
  }
  // Rounding may have put the last deadline just before the earliest time.
  solve(0);
  const energy_optimal_time_s = optimal_s ?? fastest_s;
  const boundAt = (time_s: number) => curve.at(time_s) + idle_power_w * time_s;
  const breakpoints_s = curve.bendsBetween(fastest_s, energy_optimal_time_s);
  return { fastest_s, energy_optimal_time_s, boundAt, breakpoints_s, solutions };
}

/** The k-th deadline that is asked for; null past the end. */
function nthDeadline(
  first_s: number,
  last_s: number,
  deadlines: number | readonly number[],
  k: number,
): number | null {
  if (typeof deadlines === "number") return evenly(first_s, last_s, deadlines, k);
  const deadline_s = deadlines[k];
  return deadline_s === undefined ? null : Math.max(first_s, Math.min(deadline_s, last_s));
}

/** The k-th of `count` times from the last to the first; null past the end, or if all are one. */
function evenly(first_s: number, last_s: number, count: number, k: number): number | null {
  if (k >= count || (k > 0 && last_s <= first_s * (1 + EPSILON))) return null;
  return k === count - 1 && k > 0 ? first_s : last_s - ((last_s - first_s) * k) / (count - 1 || 1);
}

function sumOfCheapest(sets: readonly OptionSet[]): number {
  return sets.reduce((sum, { dynamic_j }) => sum + at(dynamic_j, -1), 0);
}

/** Least dynamic energy as a function of time, written from slow to fast. */
class Curve {
  readonly #time_s: number[];
  readonly #dynamic_j: number[];

  constructor(cheapest_j: number, slowest_s: number) {
    this.#time_s = [slowest_s];
    this.#dynamic_j = [cheapest_j];
  }

  /** At the earliest time so far. */
  get last_j(): number {
    return at(this.#dynamic_j, -1);
  }

  /** Goes on to an earlier time with slope -power. */
  extend(power_w: number, time_s: number): void {
    const last_s = at(this.#time_s, -1);
    this.#dynamic_j.push(this.last_j + power_w * (last_s - time_s));
    this.#time_s.push(time_s);
  }

  /** Descending, both ends included. */
  bendsBetween(first_s: number, last_s: number): number[] {
    const inside = this.#time_s.filter((time_s) => time_s > first_s && time_s < last_s);
    return last_s > first_s ? [last_s, ...inside, first_s] : [first_s];
  }

  at(time_s: number): number {
    const times = this.#time_s;
    let low = 0;
    let high = times.length - 1;
    const earliest_s = at(times, high);
    if (time_s < earliest_s * (1 - EPSILON)) return Number.POSITIVE_INFINITY;
    if (time_s <= earliest_s) return at(this.#dynamic_j, high);
    if (time_s >= at(times, 0)) return at(this.#dynamic_j, 0);
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (at(times, middle) >= time_s) low = middle;
      else high = middle;
    }
    const [slow_s = 0, fast_s = 0] = [times[low], times[high]];
    const [slow_j = 0, fast_j = 0] = [this.#dynamic_j[low], this.#dynamic_j[high]];
    return slow_j + ((fast_j - slow_j) * (slow_s - time_s)) / (slow_s - fast_s);
  }
}

/** Instruction i is the activity from event 2i to event 2i + 1; then come source and sink. */
function activityGraph(network: Network): ActivityGraph {
  const { sets, stageBefore, dataBefore, transfer_s, stageAfter, dataAfter } = network;
  const n = sets.length;
  const source = 2 * n;
  const sink = 2 * n + 1;
  const tail = Array.from({ length: n }, (_, i) => 2 * i);
  const head = Array.from({ length: n }, (_, i) => 2 * i + 1);
  const delay: number[] = [];
  const link = (from: number, to: number, delay_s: number) => {
    tail.push(from);
    head.push(to);
    delay.push(delay_s);
  };
  for (let i = 0; i < n; i++) {
    const [onStage = n, data = n] = [stageBefore[i], dataBefore[i]];
    if (onStage < n) link(2 * onStage + 1, 2 * i, 0);
    if (data < n && data !== onStage) link(2 * data + 1, 2 * i, at(transfer_s, i));
    if (onStage === n && data === n) link(source, 2 * i, 0);
    if (stageAfter[i] === n && dataAfter[i] === n) link(2 * i + 1, sink, 0);
  }
  const curves = new Map(sets.map((set) => [set, activityCurve(set)]));
  return {
    events: 2 * n + 2,
    source,
    sink,
    tail: Int32Array.from(tail),
    head: Int32Array.from(head),
    activities: sets.map((set) => curves.get(set) ?? activityCurve(set)),
    delay: Float64Array.from(delay),
  };
}

function activityCurve({ hull, time_s, dynamic_j }: OptionSet): ActivityCurve {
  const slowFirst = hull.toReversed();
  const prices = slowFirst.slice(1).map((fast, k) => {
    const slow = at(slowFirst, k);
    const saved_s = at(time_s, slow) - at(time_s, fast);
    return (at(dynamic_j, fast) - at(dynamic_j, slow)) / saved_s;
  });
  return {
    durations: Float64Array.from(slowFirst, (k) => at(time_s, k)),
    prices: Float64Array.from(prices),
  };
}

function slowestEvents(
  { sets }: Network,
  slowest: { start_s: Float64Array; time_s: number },
): Float64Array {
  const events = new Float64Array(2 * sets.length + 2);
  sets.forEach((set, i) => {
    const start_s = at(slowest.start_s, i);
    events[2 * i] = start_s;
    events[2 * i + 1] = start_s + at(set.time_s, -1);
  });
  events[2 * sets.length + 1] = slowest.time_s;
  return events;
}

/** Time between an instruction's events, within what its options allow. */
function durations(sets: readonly OptionSet[], events: Float64Array): Float64Array {
  return Float64Array.from(sets, ({ time_s }, i) => {
    const available_s = at(events, 2 * i + 1) - at(events, 2 * i);
    return Math.min(Math.max(available_s, at(time_s, 0)), at(time_s, -1));
  });
}
