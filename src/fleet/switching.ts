import { at, hotFloat } from "../base/need.js";
import type { Share, WeighedSlot } from "./optimum.js";

/** What taking another plan up takes. */
interface Reload {
  readonly time_s: number;
  readonly power_w: number;
}

/** One pace for each slot, and how many iterations that does. */
interface Path {
  readonly shares: Share[][];
  readonly iterations: number;
}

/** So often is the interval of what an iteration is worth halved. */
const HALVINGS = 48;

/**
 * Ways to share slots at little cost with every change of the plan in it. For a worth of an iteration the best
 * path, one pace for each slot, is found by dynamic programming over slots and the plan that is loaded. Between
 * the worth at which it does too little and the one at which it does enough lie mixtures: one path up to a
 * moment, the other after it, whichever is first. They cost at most one change more than any way.
 */
export function pathsWithReloads(
  slots: readonly WeighedSlot[],
  iterations: number,
  mayWait: boolean,
  reload: Reload,
): Share[][][] {
  let above = pathAt(slots, Number.MAX_VALUE ** 0.5, mayWait, reload);
  let below = pathAt(slots, 0, mayWait, reload);
  if (above.iterations < iterations) return [];
  if (below.iterations >= iterations) return [below.shares];
  let [low, high] = [0, 1e-9];
  const enough = (worth: number) => {
    const path = pathAt(slots, worth, mayWait, reload);
    if (path.iterations < iterations) below = path;
    else above = path;
    return path.iterations >= iterations;
  };
  while (!enough(high)) [low, high] = [high, high * 16];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return [
    above.shares,
    mixed(below.shares, above.shares, iterations),
    mixed(above.shares, below.shares, iterations),
  ];
}

/** The first way up to the moment at which the second after it still does all iterations, changes apart. */
function mixed(
  first: readonly (readonly Share[])[],
  second: readonly (readonly Share[])[],
  iterations: number,
): Share[][] {
  const done = (shares: readonly Share[]) =>
    shares.reduce((sum, { pace, time_s }) => sum + pace.rate_per_s * time_s, 0);
  let missing = iterations - second.reduce((sum, shares) => sum + done(shares), 0);
  let isMixed = false;
  return first.map((own, i) => {
    const other = at(second, i);
    if (isMixed) return [...other];
    const gain = done(own) - done(other);
    // Without the moment in this slot, its whole change is taken; enough is missing or left for it.
    const share = gain === 0 ? 1 : missing / gain;
    if (share >= 1 || share < 0) {
      missing -= gain;
      return [...own];
    }
    isMixed = true;
    return [...scaledBy(own, share), ...scaledBy(other, 1 - share)];
  });
}

function scaledBy(shares: readonly Share[], factor: number): Share[] {
  return shares.map(({ pace, time_s }) => ({ pace, time_s: time_s * factor }));
}

/** The cheapest path where every iteration done takes `worth` off its cost. */
function pathAt(
  slots: readonly WeighedSlot[],
  worth: number,
  mayWait: boolean,
  reload: Reload,
): Path {
  const plans = [...new Set(slots.flatMap(({ paces }) => paces.map(({ point }) => point)))];
  const places = new Map(plans.map((plan, i) => [plan, i]));
  let costs = new Float64Array(plans.length);
  const steps = slots.map((slot, i) => {
    const step = stepOf(slot, i === 0, costs, places, { worth, mayWait, reload });
    costs = step.costs;
    return step;
  });
  return traced(slots, steps, costs, reload);
}

interface Step {
  readonly costs: Float64Array<ArrayBuffer>;
  /** By plan loaded after the slot: the one before it. */
  readonly from: Int32Array;
  /** By plan loaded after the slot: the pace in it; -1: waits. */
  readonly pace: Int32Array;
}

function stepOf(
  slot: WeighedSlot,
  first: boolean,
  before: Float64Array,
  places: ReadonlyMap<number | null, number>,
  told: { readonly worth: number; readonly mayWait: boolean; readonly reload: Reload },
): Step {
  const { weight, paces, start_s, end_s } = slot;
  const { worth, mayWait, reload } = told;
  const costs = new Float64Array(before.length).fill(Number.POSITIVE_INFINITY);
  const from = new Int32Array(before.length).fill(-1);
  const pace = new Int32Array(before.length).fill(-1);
  const cheapest = before.indexOf(Math.min(...before));
  const offer = (to: number, cost: number, source: number, chosen: number) => {
    if (cost >= hotFloat(costs, to)) return;
    [costs[to], from[to], pace[to]] = [cost, source, chosen];
  };
  if (mayWait) {
    for (const [plan, cost] of before.entries()) offer(plan, cost, plan, -1);
  }
  paces.forEach(({ point, rate_per_s, power_w }, k) => {
    const to = places.get(point);
    if (to === undefined) throw new Error("a plan without a place");
    const perSecond = weight * power_w - worth * rate_per_s;
    const whole = (end_s - start_s) * perSecond;
    const change = first ? 0 : reload.time_s * (weight * reload.power_w - perSecond);
    offer(to, hotFloat(before, to) + whole, to, k);
    if (cheapest !== to) offer(to, hotFloat(before, cheapest) + whole + change, cheapest, k);
  });
  return { costs, from, pace };
}

function traced(
  slots: readonly WeighedSlot[],
  steps: readonly Step[],
  costs: Float64Array,
  reload: Reload,
): Path {
  let plan = costs.indexOf(Math.min(...costs));
  let iterations = 0;
  const shares: Share[][] = [];
  for (let i = slots.length - 1; i >= 0; i--) {
    const { from, pace } = at(steps, i);
    const slot = at(slots, i);
    const time_s = slot.end_s - slot.start_s;
    const chosen = at(pace, plan);
    const before = at(from, plan);
    if (chosen === -1) {
      shares.unshift([{ pace: { point: null, rate_per_s: 0, power_w: 0 }, time_s }]);
    } else {
      const own = at(slot.paces, chosen);
      shares.unshift([{ pace: own, time_s }]);
      iterations += own.rate_per_s * (time_s - (i > 0 && before !== plan ? reload.time_s : 0));
    }
    plan = before;
  }
  return { shares, iterations };
}
