import { at, hotFloat } from "../base/need.js";
import type { ActivityCurve, ActivityGraph } from "../math/flow/activity-graph.js";
import type { FlowSolution } from "../math/flow/flow-solution.js";
import { TimeCostFlow } from "../math/flow/time-cost-flow.js";
import type { Network, OptionSet } from "./network.js";
import { type PipelineShape, pipelineGraph, pipelineShape } from "./pipeline-graph.js";
import { replay } from "./replay.js";
import { Deadlines, EnergySteps, type RelaxedSolution, type Sampling } from "./sampling.js";

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
  /** For each deadline, descending. */
  readonly solutions: readonly RelaxedSolution[];
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
 * @param shape the pipeline's, where it is known
 */
export function relax(
  network: Network,
  deadlines: number | readonly number[],
  shape = pipelineShape(network),
): Relaxation {
  const { sets, stages, static_power_w } = network;
  const idle_power_w = stages * static_power_w;
  const slowest = replay(
    network,
    Int32Array.from(sets, ({ time_s }) => time_s.length - 1),
  );
  const fastest_s = replay(network, new Int32Array(sets.length)).time_s;

  const { graph, price_w } = projectOf(shape, sets, slowest.time_s);
  const flow = new TimeCostFlow(graph, price_w);
  const curve = new Curve(sumOfCheapest(sets), slowest.time_s);
  const sampling: Sampling =
    typeof deadlines === "number"
      ? new EnergySteps(deadlines)
      : new Deadlines(deadlines.map((deadline_s) => Math.max(fastest_s, deadline_s)));
  let optimal_s: number | null = null;
  /** Solves what is asked for between the present time and `until_s`, with the present flow. */
  const solve = (until_s: number, power_w: number) => {
    const { time } = flow;
    const { last_j } = curve;
    for (;;) {
      const energy_j = last_j + idle_power_w * time;
      const net_w = power_w - idle_power_w;
      const deadline_s = sampling.next({ time_s: time, energy_j, power_w: net_w, until_s });
      if (deadline_s === null) return;
      const sooner_s = Math.max(0, time - deadline_s);
      const dynamic_j = last_j + flow.flow * sooner_s;
      const solution = new LateSolution(deadline_s, dynamic_j, flow.flow, flow.solution(sooner_s));
      sampling.keep(solution, dynamic_j + idle_power_w * deadline_s);
    }
  };
  for (;;) {
    const bounded = flow.saturate();
    if (!bounded || flow.flow > idle_power_w * (1 + EPSILON)) {
      optimal_s ??= Math.max(flow.time, fastest_s);
    }
    if (!bounded) break;
    const until_s = flow.time - flow.descend();
    if (optimal_s !== null) solve(until_s, flow.flow);
    if (optimal_s !== null && sampling.isDone) {
      curve.extend(flow.flow, until_s);
      break;
    }
    flow.settle();
    curve.extend(flow.flow, flow.time);
  }
  // The fastest time itself, which rounding may have put just before the earliest one.
  solve(0, Number.POSITIVE_INFINITY);
  const energy_optimal_time_s = optimal_s ?? fastest_s;
  const boundAt = (time_s: number) =>
    time_s < fastest_s * (1 - EPSILON)
      ? Number.POSITIVE_INFINITY
      : curve.at(time_s) + idle_power_w * time_s;
  const breakpoints_s = curve.bendsBetween(fastest_s, energy_optimal_time_s);
  return {
    fastest_s,
    energy_optimal_time_s,
    boundAt,
    breakpoints_s,
    solutions: sampling.solutions,
  };
}

/** A solution whose instructions are read off when they are asked for: of many few are. */
class LateSolution implements RelaxedSolution {
  readonly deadline_s: number;
  readonly dynamic_j: number;
  readonly power_w: number;
  #read: (() => FlowSolution) | null;
  #end_s: Float64Array = new Float64Array();
  #price_w: Float64Array = new Float64Array();

  constructor(deadline_s: number, dynamic_j: number, power_w: number, read: () => FlowSolution) {
    this.deadline_s = deadline_s;
    this.dynamic_j = dynamic_j;
    this.power_w = power_w;
    this.#read = read;
  }

  get end_s(): Float64Array {
    this.#readOnce();
    return this.#end_s;
  }

  get price_w(): Float64Array {
    this.#readOnce();
    return this.#price_w;
  }

  #readOnce(): void {
    if (this.#read === null) return;
    const { events, prices } = this.#read();
    this.#read = null;
    this.#price_w = prices;
    this.#end_s = new Float64Array(prices.length);
    for (let i = 0; i < prices.length; i++) this.#end_s[i] = hotFloat(events, 2 * i + 1);
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

  /** Descending, both ends included. */
  bendsBetween(first_s: number, last_s: number): number[] {
    const inside = this.#time_s.filter((time_s) => time_s > first_s && time_s < last_s);
    return last_s > first_s ? [last_s, ...inside, first_s] : [first_s];
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
