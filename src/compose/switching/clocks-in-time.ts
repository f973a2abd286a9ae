import { at, hot, hotFloat, hotInt } from "../../base/need.js";
import type { Network } from "../network.js";
import { playInto, type Times, timesOf } from "../replay.js";
import type { ClockGroup } from "./clock-groups.js";
import type { SwitchedNetwork } from "./switched-network.js";

/** Sums in another order may differ by this share. */
const ROUNDING = 1e-12;

/** A group at its next clock. */
interface Step {
  /** The group's place. */
  readonly g: number;
  readonly clock: number;
  /** Before this no plan ends with it. */
  readonly least_s: number;
}

/** Finds clocks of groups at which a plan can end in time, switches left out. */
export class ClocksInTime {
  readonly #network: SwitchedNetwork;
  readonly #plain: Network;
  readonly #groups: readonly ClockGroup[];
  /** Of each instruction, at any clock. */
  readonly #fastest_s: Float64Array;
  /** As the clocks are, and as they are tried. */
  readonly #now: Times;
  readonly #tried: Times;
  readonly #tried_s: Float64Array;

  constructor(network: SwitchedNetwork, plain: Network, groups: readonly ClockGroup[]) {
    this.#network = network;
    this.#plain = plain;
    this.#groups = groups;
    this.#fastest_s = Float64Array.from(plain.sets, ({ time_s }) => at(time_s, 0));
    this.#now = timesOf(plain.sets.length);
    this.#tried = timesOf(plain.sets.length);
    this.#tried_s = new Float64Array(plain.sets.length);
  }

  /** When everything ends at its fastest. */
  get least_s(): number {
    return playInto(this.#tried, this.#plain, this.#fastest_s);
  }

  /**
   * Clocks of the groups, those wanted or faster: while no plan ends in time, the group with which the pipeline
   * gets fastest goes to its next clock.
   * @param wanted indices into the network's clocks
   */
  from(wanted: readonly number[], deadline_s: number): readonly number[] {
    let clocks = wanted;
    const duration_s = this.#fastest_s.slice();
    this.#groups.forEach((group, g) => {
      this.#setFastest(duration_s, group, at(clocks, g));
    });
    let time_s = playInto(this.#now, this.#plain, duration_s);
    while (time_s > deadline_s) {
      const step = this.#best(this.#steps(clocks, duration_s, time_s), duration_s);
      if (step === null) break;
      this.#setFastest(duration_s, at(this.#groups, step.g), step.clock);
      clocks = clocks.with(step.g, step.clock);
      time_s = playInto(this.#now, this.#plain, duration_s);
    }
    return clocks;
  }

  /** Which groups have a next clock, the most promising first: what is critical takes as long as its sum. */
  #steps(clocks: readonly number[], duration_s: Float64Array, time_s: number): readonly Step[] {
    const isCritical = this.#critical();
    const steps = this.#groups.flatMap(({ members, clocks: own }, g): Step[] => {
      const clock = own[own.indexOf(at(clocks, g)) + 1];
      if (clock === undefined) return [];
      let least_s = time_s;
      for (const i of members) {
        if (isCritical[i] === 1) least_s += this.#fastestAt(i, clock) - hotFloat(duration_s, i);
      }
      return [{ g, clock, least_s }];
    });
    return steps.sort((a, b) => a.least_s - b.least_s);
  }

  /** The step with which everything ends first, of equal ones that of the first group; null: there is none. */
  #best(steps: readonly Step[], duration_s: Float64Array): Step | null {
    let best: Step | null = null;
    let fastest_s = Number.POSITIVE_INFINITY;
    for (const step of steps) {
      if (step.least_s > fastest_s * (1 + ROUNDING)) break;
      this.#tried_s.set(duration_s);
      this.#setFastest(this.#tried_s, at(this.#groups, step.g), step.clock);
      const time_s = playInto(this.#tried, this.#plain, this.#tried_s);
      if (best !== null && (time_s > fastest_s || (time_s === fastest_s && step.g > best.g))) {
        continue;
      }
      best = step;
      fastest_s = time_s;
    }
    return best;
  }

  /** A path of instructions each of which starts when the one before has ended, from the last to end. */
  #critical(): Uint8Array {
    const { stageBefore, dataBefore, transfer_s, sets } = this.#plain;
    const { end_s } = this.#now;
    let last = 0;
    for (let i = 1; i < sets.length; i++) if (hotFloat(end_s, i) > hotFloat(end_s, last)) last = i;
    const isCritical = new Uint8Array(sets.length);
    for (let i = last; i < sets.length; ) {
      isCritical[i] = 1;
      const [onStage, awaited] = [hotInt(stageBefore, i), hotInt(dataBefore, i)];
      const arrived_s = hotFloat(end_s, awaited) + hotFloat(transfer_s, i);
      i = hotFloat(end_s, onStage) >= arrived_s ? onStage : awaited;
    }
    return isCritical;
  }

  #setFastest(duration_s: Float64Array, { members }: ClockGroup, clock: number): void {
    for (const i of members) duration_s[i] = this.#fastestAt(i, clock);
  }

  #fastestAt(i: number, clock: number): number {
    return hotFloat(hot(hot(this.#network.sets, i).atClock, clock).time_s, 0);
  }
}
