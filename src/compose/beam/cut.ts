import { at, hotFloat, hotInt } from "../../base/need.js";
import { Cheapest } from "./cheapest.js";
import type { Front } from "./front.js";
import type { Harvest } from "./harvest.js";
import type { Step, Walk } from "./steps.js";

/** What a step before a cut makes one after it wait for; the slots of their ends, on the walk and on the walk back. */
interface Across {
  readonly delay_s: number;
  readonly there: number;
  readonly back: number;
}

/** A cut through a walk, at which partial plans from the start meet those from the end. */
export class Cut {
  /** The steps before it, and after it. */
  readonly row: number;
  readonly backRow: number;
  readonly #joined: number;
  readonly #across: readonly Across[];
  readonly #slots: number;
  readonly #backSlots: number;
  /** By partial plan when what crosses arrives, and how much of the time has to be left for it. */
  readonly #arrives_s: Float64Array;
  readonly #left_s: Float64Array;

  constructor(there: Walk, back: Walk, row: number, joined: number) {
    this.#joined = joined;
    this.row = row;
    this.backRow = there.steps.length - row;
    this.#across = acrossOf(there.steps, back.steps, row);
    this.#slots = there.slots;
    this.#backSlots = back.slots;
    this.#arrives_s = new Float64Array(this.#across.length * joined);
    this.#left_s = new Float64Array(this.#across.length * joined);
  }

  /**
   * Joins each partial plan from the start with each from the end and adds to a harvest what is better there.
   * @param whole writes out a plan by the places of its parts
   */
  join(
    there: Front,
    back: Front,
    harvest: Harvest,
    whole: (there: number, back: number) => Int32Array,
  ): void {
    const { length } = this.#across;
    const [arrives_s, left_s] = [this.#arrives_s, this.#left_s];
    const nearest = nearestOf(there, this.#joined);
    // The cheapest first: the later ones have to end the sooner for it.
    const nearestBack = nearestOf(back, this.#joined).sort(
      (a, b) => hotFloat(back.energy_j, a) - hotFloat(back.energy_j, b),
    );
    this.#across.forEach(({ delay_s, there: slot, back: backSlot }, k) => {
      nearest.forEach((own, m) => {
        arrives_s[m * length + k] = hotFloat(there.end_s, own * this.#slots + slot) + delay_s;
      });
      nearestBack.forEach((own, n) => {
        left_s[n * length + k] = hotFloat(back.end_s, own * this.#backSlots + backSlot);
      });
    });
    for (let m = 0; m < nearest.length; m++) {
      const there_j = hotFloat(there.energy_j, hotInt(nearest, m));
      let deadline = harvest.last;
      for (let n = 0; n < nearestBack.length; n++) {
        const energy_j = there_j + hotFloat(back.energy_j, hotInt(nearestBack, n));
        deadline = harvest.lastAbove(energy_j, deadline);
        if (deadline < 0) break;
        const limit_s = hotFloat(harvest.deadline_s, deadline);
        let time_s = 0;
        for (let k = 0; k < length && time_s <= limit_s; k++) {
          const way_s = hotFloat(arrives_s, m * length + k) + hotFloat(left_s, n * length + k);
          if (way_s > time_s) time_s = way_s;
        }
        if (time_s > limit_s) continue;
        const choice = whole(hotInt(nearest, m), hotInt(nearestBack, n));
        harvest.add(deadline, time_s, energy_j, choice);
      }
    }
  }
}

/** Places of the partial plans that are joined. */
function nearestOf({ count, score_j }: Front, most: number): Int32Array {
  const nearest = new Cheapest(most);
  nearest.clear(Number.POSITIVE_INFINITY);
  for (let m = 0; m < count; m++) {
    if (hotFloat(score_j, m) < nearest.limit_j) nearest.add(hotFloat(score_j, m), m);
  }
  nearest.narrow();
  return nearest.way.slice(0, nearest.count);
}

function acrossOf(there: readonly Step[], back: readonly Step[], row: number): readonly Across[] {
  const backSlot = (k: number) => at(back, there.length - 1 - k).slot;
  const waits = there.slice(row).flatMap(({ before, delay_s }, k) =>
    ([0, 1] as const)
      .filter((side) => before[side] < row)
      .map((side) => ({
        delay_s: delay_s[side],
        there: at(there, before[side]).slot,
        back: backSlot(row + k),
      })),
  );
  // What has ended for good before the cut, and what begins after it and awaits nothing.
  const ended = there.slice(0, row).filter(({ isLast }) => isLast);
  const begun = back.slice(0, there.length - row).filter(({ isLast }) => isLast);
  return [
    ...waits,
    ...ended.map(({ slot }) => ({ delay_s: 0, there: slot, back: 0 })),
    ...begun.map(({ slot }) => ({ delay_s: 0, there: 0, back: slot })),
  ];
}
