import { at } from "../base/need.js";
import { type HullStep, lowerHull } from "./hull.js";
import { OrderedSums } from "./ordered-sums.js";

/** A way to run a job: iterations per second, and the watts of all its GPUs meanwhile. */
export interface Pace {
  /** Of the frontier's point; null: the job waits. */
  readonly point: number | null;
  readonly rate_per_s: number;
  readonly power_w: number;
}

/** A time in which the job may be run at some paces, at a weight per joule. */
export interface WeighedSlot {
  readonly start_s: number;
  readonly end_s: number;
  /** What a joule costs in it: carbon, money, or 1. */
  readonly weight: number;
  /** At least one, with rates of their own. */
  readonly paces: readonly Pace[];
}

/** Time in a slot at one pace. */
export interface Share {
  readonly pace: Pace;
  readonly time_s: number;
}

/** How the time of every slot is shared at least cost; slots after the end have no shares. */
export interface Optimum {
  readonly shares: readonly (readonly Share[])[];
  /** In the unit of the weights times joules. */
  readonly cost: number;
}

const WAITING: Pace = { point: null, rate_per_s: 0, power_w: 0 };

/** Iterations that are missing or left by no more than this share of all are rounding. */
const ROUNDING = 1e-9;

/** One step of one slot's hull, with how many iterations it adds and at what cost. */
interface Item {
  readonly slot: number;
  readonly step: HullStep<Pace>;
  readonly amount: number;
  readonly slope: number;
}

/**
 * Shares the time of slots among paces so that `iterations` are done at least cost: exact, because the cost
 * of a slot is convex in what is done in it (its lower hull), so steps are taken in the order of what one
 * more iteration costs. Without waiting, every slot before the one in which the job ends is used whole; each
 * slot is tried as that one. Null: the iterations do not fit.
 */
export function optimum(
  slots: readonly WeighedSlot[],
  iterations: number,
  mayWait: boolean,
): Optimum | null {
  const ends = mayWait ? waiting(slots, iterations) : running(slots, iterations);
  return ends === null ? null : sharesOf(slots, ends, iterations, mayWait);
}

/** The steps of a slot's hull. A slot that may be left before its end starts from waiting. */
function itemsOf(slot: WeighedSlot, index: number, mayWait: boolean): Item[] {
  const paces = mayWait ? [WAITING, ...slot.paces] : slot.paces;
  const time_s = slot.end_s - slot.start_s;
  const steps = lowerHull(
    paces,
    ({ rate_per_s }) => rate_per_s,
    ({ power_w }) => slot.weight * power_w,
  );
  return steps.map((step) => ({
    slot: index,
    step,
    amount: (step.to.rate_per_s - step.from.rate_per_s) * time_s,
    slope: step.slope,
  }));
}

function byCost(a: Item, b: Item): number {
  return a.slope - b.slope || a.slot - b.slot || a.step.from.rate_per_s - b.step.from.rate_per_s;
}

/** The slowest pace of a slot, which it takes without waiting before any step up. */
function slowestOf({ paces }: WeighedSlot): Pace {
  return paces.reduce((slowest, pace) => (pace.rate_per_s < slowest.rate_per_s ? pace : slowest));
}

/** How many slots are used, all of them with waiting; null: not even all are enough. */
function waiting(slots: readonly WeighedSlot[], iterations: number): number | null {
  const most = slots.reduce((sum, slot) => sum + fastestIn(slot), 0);
  return most < iterations * (1 - ROUNDING) ? null : slots.length;
}

function fastestIn({ start_s, end_s, paces }: WeighedSlot): number {
  return (end_s - start_s) * Math.max(...paces.map(({ rate_per_s }) => rate_per_s));
}

/** The number of slots used at least cost when every slot but the last used is used whole. */
function running(slots: readonly WeighedSlot[], iterations: number): number | null {
  const whole = slots.map((slot, i) => itemsOf(slot, i, false));
  const ending = slots.map((slot, i) => itemsOf(slot, i, true));
  const order = [...whole, ...ending].flat().sort(byCost);
  const rank = new Map(order.map((item, place) => [item, place]));
  const sums = new OrderedSums(order.length);
  const change = (items: readonly Item[], sign: 1 | -1) => {
    for (const item of items) {
      const place = rank.get(item);
      if (place === undefined) throw new Error("a step without a rank");
      sums.add(place, sign * item.amount, sign * item.amount * item.slope);
    }
  };
  let [base, base_cost, best, best_cost]: [number, number, number | null, number] = [
    0,
    0,
    null,
    Number.POSITIVE_INFINITY,
  ];
  for (const [i, slot] of slots.entries()) {
    const missing = iterations - base;
    if (missing < 0) break;
    change(at(ending, i), 1);
    const { held, cost, rank: next } = sums.upTo(missing);
    const rest = missing - held;
    const item = order[next];
    if (rest <= iterations * ROUNDING || item !== undefined) {
      const total = base_cost + cost + (item === undefined ? 0 : rest * item.slope);
      if (total < best_cost) [best, best_cost] = [i + 1, total];
    }
    change(at(ending, i), -1);
    change(at(whole, i), 1);
    const slowest = slowestOf(slot);
    const time_s = slot.end_s - slot.start_s;
    base += slowest.rate_per_s * time_s;
    base_cost += slot.weight * slowest.power_w * time_s;
  }
  return best;
}

/** Takes steps in the order of their cost until the iterations are done. */
function sharesOf(
  slots: readonly WeighedSlot[],
  used: number,
  iterations: number,
  mayWait: boolean,
): Optimum {
  const items = slots
    .slice(0, used)
    .flatMap((slot, i) => itemsOf(slot, i, mayWait || i === used - 1))
    .sort(byCost);
  const shares = slots.map((slot, i): Share[] => {
    if (i >= used) return [];
    const pace = mayWait || i === used - 1 ? WAITING : slowestOf(slot);
    return [{ pace, time_s: slot.end_s - slot.start_s }];
  });
  let missing = iterations - doneIn(shares);
  for (const { slot, step, amount } of items) {
    const { time_s } = at(at(shares, slot), 0);
    if (amount > missing) {
      const risen_s = (time_s * Math.max(0, missing)) / amount;
      shares[slot] = [
        { pace: step.from, time_s: time_s - risen_s },
        { pace: step.to, time_s: risen_s },
      ];
      break;
    }
    shares[slot] = [{ pace: step.to, time_s }];
    missing -= amount;
  }
  const cost = shares.reduce(
    (sum, own, i) =>
      own.reduce((all, { pace, time_s }) => all + at(slots, i).weight * pace.power_w * time_s, sum),
    0,
  );
  return { shares, cost };
}

function doneIn(shares: readonly (readonly Share[])[]): number {
  return shares.flat().reduce((sum, { pace, time_s }) => sum + pace.rate_per_s * time_s, 0);
}
