import { at } from "../../base/need.js";
import type { ActivityCurve, ActivityGraph } from "../../math/flow/activity-graph.js";
import { LARGE, type Network, type OptionSet } from "../network.js";
import { coarseCurve } from "./coarse-curve.js";
import { type PipelineShape, pipelineGraph } from "./pipeline-graph.js";

/** A power of two as unit for which a typical value has so many binary digits. */
function unitFor(typical: number, digits: number): number {
  return typical > 0 ? 2 ** (Math.ceil(Math.log2(typical)) - digits) : 1;
}

/** Of times: sums up to the longest stay exact. Of prices: as exact up to 2^10 times the middle one. */
const TIME_DIGITS = 50;
const PRICE_DIGITS = 42;

/**
 * In a large pipeline curves are coarse where a second is worth less than idling: few instructions run there
 * at any deadline worth asking for. They are lower by at most this share of the energy.
 */
const COARSE = 3e-4;

/**
 * The pipeline as a project, with times and prices rounded to whole multiples of a unit, so that
 * sums which are equal come out equal.
 */
export function projectOf(
  shape: PipelineShape,
  { sets, static_power_w }: Network,
  slowest_s: number,
): { readonly graph: ActivityGraph; readonly price_w: number } {
  const time_s = unitFor(slowest_s, TIME_DIGITS);
  const roundTime = (value_s: number) => Math.round(value_s / time_s) * time_s;
  const curveFor = (set: OptionSet) => {
    const curve = curveOf(set, roundTime);
    if (sets.length <= LARGE) return curve;
    const energy_j = at(set.dynamic_j, -1) + static_power_w * at(set.time_s, -1);
    const { durations, prices } = coarseCurve(curve, static_power_w, COARSE * energy_j);
    return { durations: durations.map(roundTime), prices };
  };
  const curves = new Map([...new Set(sets)].map((set) => [set, curveFor(set)]));
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
