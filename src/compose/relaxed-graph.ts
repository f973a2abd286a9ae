import { at, hotFloat } from "../base/need.js";
import type { ActivityCurve, ActivityGraph } from "../math/flow/activity-graph.js";
import type { FlowSolution } from "../math/flow/flow-solution.js";
import { TimeCostFlow } from "../math/flow/time-cost-flow.js";
import type { Network, OptionSet } from "./network.js";
import { type PipelineShape, pipelineGraph } from "./pipeline-graph.js";
import { replay } from "./replay.js";
import {
  Deadlines,
  EnergySteps,
  type RelaxedInstructions,
  type RelaxedSolution,
  type Sampling,
} from "./sampling.js";

/**
 * The continuous relaxation of a pipeline problem: every instruction may take any duration between
 * its options, at the energy of their lower convex hull. Its least energy as a function of the
 * iteration's time is convex and piecewise linear, and no discrete plan is below it.
 */
export interface Relaxation<Solution extends RelaxedSolution = RelaxedSolution> {
  /** With every instruction at its fastest. */
  readonly fastest_s: number;
  /** Past it, waiting costs more than it saves. */
  readonly energy_optimal_time_s: number;
  /** Least energy at a time, static energy included; Infinity before `fastest_s`. */
  readonly boundAt: (time_s: number) => number;
  /** For each deadline, descending. */
  readonly solutions: readonly Solution[];
}

/** A solution that also tells what flows where. */
export interface FlowingSolution extends RelaxedSolution {
  readonly flow: FlowSolution;
}

/** What a graph leaves out of a pipeline, which makes it longer. */
export interface LeftOut {
  /** Of the whole pipeline. */
  readonly fastest_s: number;
  /** By how much it makes the pipeline longer at a flow of so much power. */
  readonly later: (flow: FlowSolution, power_w: number) => number;
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
 * @param deadlines which, in seconds and descending: they are moved between the fastest and the
 * energy-optimal time; or how many at least from one to the other, see {@link EnergySteps}
 * @param leftOut what the pipeline's shape leaves out: deadlines and solutions are of the whole
 */
export function relaxGraph(
  network: Network,
  deadlines: number | readonly number[],
  shape: PipelineShape,
  leftOut: LeftOut | null = null,
): Relaxation<FlowingSolution> {
  const { sets, stages, static_power_w } = network;
  const idle_power_w = stages * static_power_w;
  const slowest = replay(
    network,
    Int32Array.from(sets, ({ time_s }) => time_s.length - 1),
  );
  const fastest_s = leftOut?.fastest_s ?? replay(network, new Int32Array(sets.length)).time_s;

  const { graph, price_w } = projectOf(shape, sets, slowest.time_s);
  const flow = new TimeCostFlow(graph, price_w);
  const curve = new Curve(sumOfCheapest(sets), slowest.time_s);
  const sampling: Sampling<FlowingSolution> =
    typeof deadlines === "number"
      ? new EnergySteps(deadlines)
      : new Deadlines(deadlines.map((deadline_s) => Math.max(fastest_s, deadline_s)));
  let optimal_s: number | null = null;
  /** By how much what is left out makes the pipeline longer, where that was asked last: it may jump. */
  let later_s = 0;
  /** Up to which time solutions were asked for. */
  let reached_s = 0;
  /** Solves what is asked for from the present time, at `shortest_s` at the earliest, to `until_s`. */
  const solve = (until_s: number, power_w: number, shortest_s = until_s) => {
    const { time } = flow;
    const { last_j } = curve;
    for (;;) {
      const time_s = leftOut === null ? time : Math.max(time + later_s, reached_s);
      const later_j = flow.flow * (time + later_s - time_s);
      const energy_j = last_j + later_j + idle_power_w * time_s;
      const net_w = power_w - idle_power_w;
      const piece = { time_s, energy_j, power_w: net_w, until_s: until_s + later_s };
      const deadline_s = sampling.next(piece);
      if (deadline_s === null) break;
      const sooner_s = time + later_s - deadline_s;
      const read = flow.solution(Math.max(0, Math.min(sooner_s, time - shortest_s)));
      if (leftOut !== null && power_w < Number.POSITIVE_INFINITY) {
        const before_s = later_s;
        later_s = leftOut.later(read(), flow.flow);
        if (Math.abs(later_s - before_s) > EPSILON * time_s) continue;
      }
      const dynamic_j = last_j + flow.flow * sooner_s;
      const solution = new LateSolution(deadline_s, dynamic_j, flow.flow, read);
      sampling.keep(solution, dynamic_j + idle_power_w * deadline_s);
    }
    reached_s = until_s + later_s;
  };
  while (flow.saturate()) {
    const until_s = flow.time - flow.descend();
    if (optimal_s === null && flow.flow > idle_power_w * (1 + EPSILON)) {
      if (leftOut !== null) later_s = leftOut.later(flow.solution(0)(), flow.flow);
      optimal_s = Math.max(flow.time + later_s, fastest_s);
    }
    if (optimal_s !== null) solve(until_s, flow.flow);
    if (optimal_s !== null && sampling.isDone) {
      curve.extend(flow.flow, until_s);
      break;
    }
    flow.settle();
    curve.extend(flow.flow, flow.time);
  }
  if (leftOut !== null) {
    solve(fastest_s - later_s, flow.flow, flow.time);
    later_s = fastest_s - flow.time;
  }
  // The fastest time itself, which rounding may have put just before the earliest one.
  solve(0, Number.POSITIVE_INFINITY);
  const energy_optimal_time_s = optimal_s ?? Math.max(flow.time + later_s, fastest_s);
  const boundAt = (time_s: number) =>
    time_s < fastest_s * (1 - EPSILON)
      ? Number.POSITIVE_INFINITY
      : curve.at(time_s) + idle_power_w * time_s;
  return {
    fastest_s,
    energy_optimal_time_s,
    boundAt,
    solutions: sampling.solutions,
  };
}

/** A solution whose instructions are read off when they are asked for: of many few are. */
class LateSolution implements FlowingSolution {
  readonly deadline_s: number;
  readonly dynamic_j: number;
  readonly power_w: number;
  readonly #read: () => FlowSolution;
  #known: RelaxedInstructions | null = null;

  constructor(deadline_s: number, dynamic_j: number, power_w: number, read: () => FlowSolution) {
    this.deadline_s = deadline_s;
    this.dynamic_j = dynamic_j;
    this.power_w = power_w;
    this.#read = read;
  }

  get end_s(): Float64Array {
    return this.#readOnce().end_s;
  }

  get taken_s(): Float64Array {
    return this.#readOnce().taken_s;
  }

  get price_w(): Float64Array {
    return this.#readOnce().price_w;
  }

  /** Read anew each time. */
  get flow(): FlowSolution {
    return this.#read();
  }

  #readOnce(): RelaxedInstructions {
    if (this.#known !== null) return this.#known;
    const { events, prices: price_w } = this.flow;
    const end_s = price_w.map((_, i) => hotFloat(events, 2 * i + 1));
    const taken_s = price_w.map((_, i) => hotFloat(end_s, i) - hotFloat(events, 2 * i));
    this.#known = { end_s, taken_s, price_w };
    return this.#known;
  }
}

function sumOfCheapest(sets: readonly OptionSet[]): number {
  return sets.reduce((sum, { dynamic_j }) => sum + at(dynamic_j, -1), 0);
}

/** Least dynamic energy as a function of time, written from slow to fast. */
class Curve {
  readonly #time_s: number[];
  readonly #dynamic_j: number[];
  #power_w = 0;

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
    if (time_s === last_s) return;
    this.#power_w = power_w;
    this.#dynamic_j.push(this.last_j + power_w * (last_s - time_s));
    this.#time_s.push(time_s);
  }

  /** Before the earliest time with the last slope, below which a convex curve does not fall. */
  at(time_s: number): number {
    const times = this.#time_s;
    let low = 0;
    let high = times.length - 1;
    const sooner_s = at(times, high) - time_s;
    if (sooner_s >= 0) return this.last_j + this.#power_w * sooner_s;
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

/** A power of two as unit for which a typical value has so many binary digits. */
function unitFor(typical: number, digits: number): number {
  return typical > 0 ? 2 ** (Math.ceil(Math.log2(typical)) - digits) : 1;
}

/** Of times: sums up to the longest stay exact. Of prices: as exact up to 2^10 times the middle one. */
const TIME_DIGITS = 50;
const PRICE_DIGITS = 42;

/**
 * The pipeline as a project, with times and prices rounded to whole multiples of a unit, so that
 * sums which are equal come out equal.
 */
function projectOf(
  shape: PipelineShape,
  sets: readonly OptionSet[],
  slowest_s: number,
): { readonly graph: ActivityGraph; readonly price_w: number } {
  const time_s = unitFor(slowest_s, TIME_DIGITS);
  const roundTime = (value_s: number) => Math.round(value_s / time_s) * time_s;
  const curves = new Map([...new Set(sets)].map((set) => [set, curveOf(set, roundTime)]));
  const prices = [...curves.values()].flatMap((curve) => [...curve.prices]).sort((a, b) => a - b);
  const price_w = unitFor(
    prices.length > 0 ? at(prices, (prices.length - 1) >> 1) : 0,
    PRICE_DIGITS,
  );
  for (const curve of curves.values()) {
    curve.prices.forEach((price, k) => {
      curve.prices[k] = Math.round(price / price_w) * price_w;
    });
  }
  // A result handed over takes a hair longer than the stage's own order: of ways that are equally
  // long one is the longest, and a third as many steps lead from breakpoint to breakpoint.
  const handOver = (delay_s: number) => roundTime(delay_s) + time_s;
  return { graph: pipelineGraph(shape, sets, curves, handOver), price_w };
}

/** The lower convex hull of a set from slow to fast, without what rounding makes equally fast. */
function curveOf(
  { hull, time_s, dynamic_j }: OptionSet,
  roundTime: (time_s: number) => number,
): ActivityCurve {
  const slowest = at(hull, -1);
  const durations = [roundTime(at(time_s, slowest))];
  const prices: number[] = [];
  let last_j = at(dynamic_j, slowest);
  for (const vertex of hull.toReversed()) {
    const duration_s = roundTime(at(time_s, vertex));
    const saved_s = at(durations, -1) - duration_s;
    if (saved_s <= 0) continue;
    prices.push((at(dynamic_j, vertex) - last_j) / saved_s);
    durations.push(duration_s);
    last_j = at(dynamic_j, vertex);
  }
  return { durations: Float64Array.from(durations), prices: Float64Array.from(prices) };
}
