import { at } from "../../base/need.js";
import type { ActivityCurve, ActivityGraph } from "../../math/flow/activity-graph.js";
import { TimeCostFlow } from "../../math/flow/time-cost-flow.js";
import type { Network, OptionSet } from "../network.js";
import { replay } from "../replay.js";
import { BoundCurve } from "./bound-curve.js";
import { type PipelineShape, pipelineGraph } from "./pipeline-graph.js";
import { Deadlines, EnergySteps, type RelaxedSolution, type Sampling } from "./sampling.js";
import { type LeftOut, SolvedPieces } from "./solved-pieces.js";

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
 * @param leftOut what the pipeline's shape leaves out: deadlines and solutions are of the whole
 */
export function relaxGraph(
  network: Network,
  deadlines: number | readonly number[],
  shape: PipelineShape,
  leftOut: LeftOut | null = null,
): Relaxation {
  const { sets, stages, static_power_w } = network;
  const idle_power_w = stages * static_power_w;
  const slowest = replay(
    network,
    Int32Array.from(sets, ({ time_s }) => time_s.length - 1),
  );
  const fastest_s = leftOut?.fastest_s ?? replay(network, new Int32Array(sets.length)).time_s;

  const { graph, price_w } = projectOf(shape, sets, slowest.time_s);
  const flow = new TimeCostFlow(graph, price_w);
  const curve = new BoundCurve(sumOfCheapest(sets), slowest.time_s);
  const sampling: Sampling =
    typeof deadlines === "number"
      ? new EnergySteps(deadlines)
      : new Deadlines(deadlines.map((deadline_s) => Math.max(fastest_s, deadline_s)));
  const pieces = new SolvedPieces(flow, curve, sampling, { idle_power_w, fastest_s, leftOut });
  let optimal_s: number | null = null;
  while (flow.saturate()) {
    const until_s = flow.time - flow.descend();
    if (flow.flow > idle_power_w * (1 + EPSILON)) optimal_s ??= pieces.endsNow();
    if (optimal_s !== null) pieces.solve(until_s);
    if (optimal_s !== null && sampling.isDone) {
      curve.extend(flow.flow, until_s);
      break;
    }
    flow.settle();
    curve.extend(flow.flow, flow.time);
  }
  if (!sampling.isDone) pieces.solveLast();
  const energy_optimal_time_s = optimal_s ?? pieces.endsNow();
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

function sumOfCheapest(sets: readonly OptionSet[]): number {
  return sets.reduce((sum, { dynamic_j }) => sum + at(dynamic_j, -1), 0);
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
