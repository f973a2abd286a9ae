import { grouped } from "../../base/grouped.js";
import { at, hot, hotFloat, hotInt } from "../../base/need.js";
import { remembered } from "../../base/remembered.js";
import { LARGE, type Network } from "../network.js";
import { cheapestOption } from "../priced-option.js";
import type { RelaxedSolution } from "../relaxation/sampling.js";
import { type ClockGroup, joined } from "./clock-groups.js";
import { ClocksInTime } from "./clocks-in-time.js";
import type { PricedClocks } from "./priced-clocks.js";
import { type Steady, steadyPlans } from "./steady-plans.js";
import type { SwitchedNetwork } from "./switched-network.js";

/** Says at which clocks groups may run, as indices into the network's. */
export class GroupClocks {
  readonly #network: SwitchedNetwork;
  readonly #groups: readonly ClockGroup[];
  /** In place of each group all of its stage, where they have a clock in common. */
  readonly #stages: readonly ClockGroup[];
  readonly #plain: Network;
  readonly #priced: PricedClocks;
  readonly #inTime: ClocksInTime;
  /** Whether groups are called for at one choice of clocks alone. */
  readonly isSimple: boolean;
  /** See `steadyPlans`, found when they are asked for. */
  #steady: readonly Steady[] | null = null;

  constructor(
    network: SwitchedNetwork,
    plain: Network,
    groups: readonly ClockGroup[],
    priced: PricedClocks,
  ) {
    this.#network = network;
    this.#plain = plain;
    this.#groups = groups;
    this.#stages = byStage(network, groups);
    this.#priced = priced;
    this.#inTime = new ClocksInTime(network, plain, groups);
    this.isSimple = plain.sets.length > LARGE || groups.length === 0;
  }

  /** When everything ends at its fastest, switches left out. */
  get least_s(): number {
    return this.#inTime.least_s;
  }

  /**
   * Each group's fastest, and those with which each stage is fastest at one clock; of a small pipeline also those of
   * the fastest plan that never switches. Each is found when it is asked for.
   */
  *fastest(): Generator<readonly number[]> {
    yield clocksOf(this.#groups, (group) => fastestClock(this.#network, group));
    yield clocksOf(this.#stages, (group) => fastestClock(this.#network, group));
    const [steady] = this.isSimple ? [] : this.#plansWithoutSwitches();
    if (steady !== undefined) yield this.#heldIn(steady);
  }

  /**
   * Those at which groups take as long as relaxed; of a small pipeline also those that are cheapest with switches
   * charged, and one for each stage. Each is found when it is asked for.
   * @param within_s when a plan has to end, switches taken in
   */
  *callFor(relaxed: RelaxedSolution, within_s: number): Generator<readonly number[]> {
    yield this.#inTime.from(this.#asLong(this.#groups, relaxed), relaxed);
    if (this.isSimple) return;
    yield this.#inTime.from(this.#cheapest(relaxed), relaxed);
    const steady = this.#plansWithoutSwitches().findLast(({ time_s }) => time_s <= within_s);
    yield steady === undefined ? this.#oneForEachStage(relaxed) : this.#heldIn(steady);
  }

  #plansWithoutSwitches(): readonly Steady[] {
    this.#steady ??= steadyPlans(this.#network, this.#plain);
    return this.#steady;
  }

  /** Of each group the clock that its stage holds. */
  #heldIn({ clocks }: Steady): readonly number[] {
    const { instructions } = this.#network;
    return this.#groups.map(({ members }) => at(clocks, at(instructions, at(members, 0)).stage));
  }

  #oneForEachStage(relaxed: RelaxedSolution): readonly number[] {
    const stages = [...new Set(this.#stages)];
    const inTime = new ClocksInTime(this.#network, this.#plain, stages);
    const clocks = inTime.from(this.#asLong(stages, relaxed), relaxed);
    return this.#stages.map((stage) => at(clocks, stages.indexOf(stage)));
  }

  #asLong(groups: readonly ClockGroup[], relaxed: RelaxedSolution): readonly number[] {
    return clocksOf(groups, (group) => relaxedClock(this.#network, group, relaxed));
  }

  #cheapest({ price_w }: RelaxedSolution): readonly number[] {
    const { options } = this.#priced.cheapest(price_w);
    return this.#groups.map(({ members }) => {
      const first = at(members, 0);
      return hotInt(hot(this.#network.sets, first).clock, hotInt(options, first));
    });
  }
}

/** A clock for each of some groups, found once for one that stands for several. */
function clocksOf(
  groups: readonly ClockGroup[],
  clockOf: (group: ClockGroup) => number,
): readonly number[] {
  const known = new Map<ClockGroup, number>();
  return groups.map((group) => remembered(known, group, clockOf));
}

/** For each group all of its stage as one, where they have a clock in common; else the group alone. */
function byStage(
  { instructions }: SwitchedNetwork,
  groups: readonly ClockGroup[],
): readonly ClockGroup[] {
  const stageOf = ({ members }: ClockGroup) => at(instructions, at(members, 0)).stage;
  return [...grouped(groups, stageOf).values()].flatMap((own) => {
    const all = joined(own);
    return all.clocks.length > 0 ? own.map(() => all) : own;
  });
}

/** The clock at which a group takes the least time. */
function fastestClock({ sets }: SwitchedNetwork, { members, clocks }: ClockGroup): number {
  const times_s = clocks.map((clock) =>
    members.reduce((sum_s, i) => sum_s + hotFloat(hot(hot(sets, i).atClock, clock).time_s, 0), 0),
  );
  return at(clocks, times_s.lastIndexOf(Math.min(...times_s)));
}

/**
 * The clock at which a group takes about as long as its members do relaxed, each counted by what its time
 * is worth; where none is worth anything the one at which it costs least.
 */
function relaxedClock(
  { sets }: SwitchedNetwork,
  { members, clocks }: ClockGroup,
  { taken_s, price_w }: RelaxedSolution,
): number {
  let relaxed_j = 0;
  for (const i of members) relaxed_j += hotFloat(price_w, i) * hotFloat(taken_s, i);
  let least_j = Number.POSITIVE_INFINITY;
  let nearest = at(clocks, 0);
  for (const clock of clocks) {
    let [taken_j, dynamic_j] = [0, 0];
    for (const i of members) {
      const price = hotFloat(price_w, i);
      const own = hot(hot(sets, i).atClock, clock);
      const option = cheapestOption(own, price);
      taken_j += price * hotFloat(own.time_s, option);
      dynamic_j += hotFloat(own.dynamic_j, option);
    }
    const distance_j = relaxed_j > 0 ? Math.abs(taken_j - relaxed_j) : dynamic_j;
    if (distance_j >= least_j) continue;
    least_j = distance_j;
    nearest = clock;
  }
  return nearest;
}
