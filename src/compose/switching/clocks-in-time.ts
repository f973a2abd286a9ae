import { grouped } from "../../base/grouped.js";
import { at, hot, hotFloat, hotInt } from "../../base/need.js";
import type { Network } from "../network.js";
import type { RelaxedSolution } from "../relaxation/sampling.js";
import { playInto, type Times, timesOf } from "../replay.js";
import type { ClockGroup } from "./clock-groups.js";
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

/** Finds clocks of groups with which a plan can end in time, switches left out. */
export class ClocksInTime {
  readonly #network: SwitchedNetwork;
  readonly #plain: Network;
  readonly #groups: readonly ClockGroup[];
  /** Of each instruction, at any clock. */
  readonly #fastest_s: Float64Array;
  readonly #times: Times;
  /** Of each instruction, {@link NONE} where it is in none. */
  readonly #groupOf: Int32Array;

  constructor(network: SwitchedNetwork, plain: Network, groups: readonly ClockGroup[]) {
    this.#network = network;
    this.#plain = plain;
    this.#groups = groups;
    this.#fastest_s = Float64Array.from(plain.sets, ({ time_s }) => at(time_s, 0));
    this.#times = timesOf(plain.sets.length);
    this.#groupOf = new Int32Array(plain.sets.length).fill(NONE);
    groups.forEach(({ members }, g) => {
      for (const i of members) this.#groupOf[i] = g;
    });
  }

  /** When everything ends at its fastest. */
  get least_s(): number {
    return playInto(this.#times, this.#plain, this.#fastest_s);
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
    const duration_s = taken_s.slice();
    clocks.forEach((clock, g) => {
      this.#setFastest(duration_s, g, clock);
    });
    const latest_s = deadline_s * (1 + ROUNDING);
    for (;;) {
      let over_s = playInto(this.#times, this.#plain, duration_s) - latest_s;
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

  /** What makes a longest way shorter, the cheapest first. */
  #steps(clocks: readonly number[], duration_s: Float64Array): readonly Step[] {
    const byGroup = grouped(this.#critical(), (i) => hotInt(this.#groupOf, i));
    byGroup.delete(NONE);
    const steps = [...byGroup].flatMap(([g, critical]): Step[] => {
      const group = at(this.#groups, g);
      const now = at(clocks, g);
      for (const clock of group.clocks) {
        if (clock <= now) continue;
        let gain_s = 0;
        for (const i of critical) gain_s += hotFloat(duration_s, i) - this.#fastestAt(i, clock);
        if (gain_s <= 0) continue;
        return [{ g, clock, gain_s, price_w: this.#extra(group, now, clock) / gain_s }];
      }
      return [];
    });
    return steps.sort((a, b) => a.price_w - b.price_w || a.g - b.g);
  }

  /** A path of instructions each of which starts when the one before has ended, from the last to end. */
  #critical(): readonly number[] {
    const { stageBefore, dataBefore, transfer_s, sets } = this.#plain;
    const { end_s } = this.#times;
    let last = 0;
    for (let i = 1; i < sets.length; i++) if (hotFloat(end_s, i) > hotFloat(end_s, last)) last = i;
    const path: number[] = [];
    for (let i = last; i < sets.length; ) {
      path.push(i);
      const [onStage, awaited] = [hotInt(stageBefore, i), hotInt(dataBefore, i)];
      const arrived_s = hotFloat(end_s, awaited) + hotFloat(transfer_s, i);
      i = hotFloat(end_s, onStage) >= arrived_s ? onStage : awaited;
    }
    return path;
  }

  /** How much more dynamic energy a group takes at another clock. */
  #extra({ members }: ClockGroup, now: number, clock: number): number {
    let extra_j = 0;
    for (const i of members) {
      const { atClock } = hot(this.#network.sets, i);
      extra_j += hotFloat(hot(atClock, clock).dynamic_j, 0);
      extra_j -= hotFloat(hot(atClock, now).dynamic_j, 0);
    }
    return extra_j;
  }

  #setFastest(duration_s: Float64Array, g: number, clock: number): void {
    for (const i of at(this.#groups, g).members) duration_s[i] = this.#fastestAt(i, clock);
  }

  #fastestAt(i: number, clock: number): number {
    return hotFloat(hot(hot(this.#network.sets, i).atClock, clock).time_s, 0);
  }
}
