import { grouped } from "../../base/grouped.js";
import { at, hot, hotFloat, hotInt, need } from "../../base/need.js";
import type { Network } from "../network.js";
import { type PlacedLinks, playPlaced } from "../placed-links.js";
import type { RelaxedSolution } from "../relaxation/sampling.js";
import { type ClockGroup, placedGroups } from "./clock-groups.js";
import type { SwitchedNetwork } from "./switched-network.js";

/** Sums in another order may differ by this share. */
const ROUNDING = 1e-9;

/** No group. */
const NONE = -1;

/** A group at its next clock that is faster. */
interface Step {
  readonly g: number;
  readonly clock: number;
  /** By how much the longest way gets shorter. */
  readonly gain_s: number;
  /** What a second of that costs. */
  readonly price_w: number;
}

/**
 * Finds clocks of groups with which a plan can end in time, switches left out. Instructions go by their place in
 * the topological order.
 */
export class ClocksInTime {
  readonly #links: PlacedLinks;
  readonly #topological: Int32Array;
  /** With their members by place. */
  readonly #groups: readonly ClockGroup[];
  /** Of each instruction, {@link NONE} where it is in none. */
  readonly #groupOf: Int32Array;
  /** Of each instruction at each clock the fastest option's time and dynamic energy, from `#firstCost` on. */
  readonly #time_s: Float64Array;
  readonly #dynamic_j: Float64Array;
  readonly #firstCost: Int32Array;
  readonly #end_s: Float64Array;
  /** When everything ends at its fastest. */
  readonly least_s: number;

  constructor(network: SwitchedNetwork, plain: Network, groups: readonly ClockGroup[]) {
    const { topological, sets } = plain;
    this.#links = plain.placed;
    this.#topological = topological;
    this.#groups = placedGroups(groups, plain.placed.place);
    this.#groupOf = new Int32Array(topological.length).fill(NONE);
    this.#groups.forEach(({ members }, g) => {
      for (const p of members) this.#groupOf[p] = g;
    });
    const distinct = [...new Set(network.sets)];
    const atClocks = distinct.flatMap(({ atClock }) => atClock);
    const fastest = (values: Float64Array) => (values.length > 0 ? at(values, 0) : Number.NaN);
    this.#time_s = Float64Array.from(atClocks, ({ time_s }) => fastest(time_s));
    this.#dynamic_j = Float64Array.from(atClocks, ({ dynamic_j }) => fastest(dynamic_j));
    const clocks = network.clocks_mhz.length;
    const firsts = new Map(distinct.map((set, k) => [set, k * clocks]));
    this.#firstCost = topological.map((i) => need(firsts, at(network.sets, i)));
    this.#end_s = new Float64Array(topological.length + 1);
    this.least_s = this.#play(Float64Array.from(topological, (i) => at(at(sets, i).time_s, 0)));
  }

  /**
   * Clocks of the groups, those wanted or faster, with which a plan can end in time where the other instructions
   * take as long as relaxed: while none can, of the groups on a longest way those whose next clock costs least for
   * a second go to it, as many as shorten that way enough.
   * @param wanted indices into the network's clocks
   * @param relaxed whose deadline is meant
   */
  from(wanted: readonly number[], { taken_s, deadline_s }: RelaxedSolution): readonly number[] {
    const clocks = [...wanted];
    const duration_s = Float64Array.from(this.#topological, (i) => hotFloat(taken_s, i));
    clocks.forEach((clock, g) => {
      this.#setFastest(duration_s, g, clock);
    });
    const latest_s = deadline_s * (1 + ROUNDING);
    for (;;) {
      let over_s = this.#play(duration_s) - latest_s;
      const steps = over_s > 0 ? this.#steps(clocks, duration_s) : [];
      if (steps.length === 0) return clocks;
      for (const { g, clock, gain_s } of steps) {
        if (over_s <= 0) break;
        this.#setFastest(duration_s, g, clock);
        clocks[g] = clock;
        over_s -= gain_s;
      }
    }
  }

  /** Notes when each instruction ends; returns when the last does. */
  #play(duration_s: Float64Array): number {
    return playPlaced(this.#links, duration_s, this.#end_s);
  }

  /** What makes a longest way shorter, the cheapest first. */
  #steps(clocks: readonly number[], duration_s: Float64Array): readonly Step[] {
    const steps: Step[] = [];
    for (const [g, critical] of grouped(this.#critical(), (p) => hotInt(this.#groupOf, p))) {
      const step = g === NONE ? null : this.#stepOf(g, hot(clocks, g), critical, duration_s);
      if (step !== null) steps.push(step);
    }
    return steps.sort((a, b) => a.price_w - b.price_w || a.g - b.g);
  }

  /** A group's next clock at which those of its members take less time that are on a longest way. */
  #stepOf(
    g: number,
    now: number,
    critical: readonly number[],
    duration_s: Float64Array,
  ): Step | null {
    const { clocks } = hot(this.#groups, g);
    for (let k = clocks.indexOf(now) + 1; k < clocks.length; k++) {
      const clock = hot(clocks, k);
      let gain_s = 0;
      for (const p of critical) gain_s += hotFloat(duration_s, p) - this.#fastestAt(p, clock);
      if (gain_s > 0) return { g, clock, gain_s, price_w: this.#extra(g, now, clock) / gain_s };
    }
    return null;
  }

  /** A path of instructions each of which starts when the one before has ended, from the last to end. */
  #critical(): readonly number[] {
    const { stageBefore, dataBefore, transfer_s } = this.#links;
    const size = this.#topological.length;
    const end_s = this.#end_s;
    let last = 0;
    for (let p = 1; p < size; p++) if (hotFloat(end_s, p) > hotFloat(end_s, last)) last = p;
    const path: number[] = [];
    for (let p = last; p < size; ) {
      path.push(p);
      const [onStage, awaited] = [hotInt(stageBefore, p), hotInt(dataBefore, p)];
      const arrived_s = hotFloat(end_s, awaited) + hotFloat(transfer_s, p);
      p = hotFloat(end_s, onStage) >= arrived_s ? onStage : awaited;
    }
    return path;
  }

  /** How much more dynamic energy a group takes at another clock. */
  #extra(g: number, now: number, clock: number): number {
    let extra_j = 0;
    for (const p of hot(this.#groups, g).members) {
      const first = hotInt(this.#firstCost, p);
      extra_j += hotFloat(this.#dynamic_j, first + clock);
      extra_j -= hotFloat(this.#dynamic_j, first + now);
    }
    return extra_j;
  }

  #setFastest(duration_s: Float64Array, g: number, clock: number): void {
    for (const p of at(this.#groups, g).members) duration_s[p] = this.#fastestAt(p, clock);
  }

  #fastestAt(p: number, clock: number): number {
    return hotFloat(this.#time_s, hotInt(this.#firstCost, p) + clock);
  }
}
