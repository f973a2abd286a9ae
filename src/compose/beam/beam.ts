import { at, hotFloat } from "../../base/need.js";
import { spread } from "../../math/spread.js";
import type { Network } from "../network.js";
import type { RelaxedSolution } from "../relaxation/sampling.js";
import { Cut } from "./cut.js";
import { Harvest } from "./harvest.js";
import { OneWay } from "./one-way.js";
import { type Walk, walksOf } from "./steps.js";
import type { Guide } from "./ways.js";

/** Deadlines are met up to this relative rounding. */
const EPSILON = 1e-12;

/** After so many instructions each, partial plans from both ends are joined. */
const INSTRUCTIONS_PER_CUT = 4;

/**
 * Discrete plans by beam search from both ends. Instruction after instruction, of all partial plans those few
 * go on that are nearest to the relaxation of a deadline: that take least energy where the ends that are still
 * awaited are worth the flow of what awaits them. At some cuts through the pipeline those from the start are joined
 * with those from the end. Prices hardly change from deadline to deadline: what one search comes upon is the
 * best that is known for many of them.
 */
export class Beam {
  readonly #size: number;
  readonly #walk: Walk;
  readonly #there: OneWay;
  readonly #back: OneWay;
  readonly #cuts: readonly Cut[];

  /**
   * @param width how many partial plans go on
   * @param joined how many of them from each end are joined at a cut
   */
  constructor(network: Network, width: number, joined: number) {
    const [there, back] = walksOf(network);
    const rows = [0];
    there.steps.forEach(({ instruction }, k) => {
      if (instruction >= 0) rows.push(k + 1);
    });
    this.#size = network.sets.length;
    this.#walk = there;
    const cuts = 1 + Math.ceil(this.#size / INSTRUCTIONS_PER_CUT);
    this.#cuts = spread(rows, cuts).map((row) => new Cut(there, back, row, joined));
    const [here, beyond] = [this.#cuts.map(({ row }) => row), this.#cuts.map((c) => c.backRow)];
    this.#there = new OneWay(there, width, here);
    this.#back = new OneWay(back, width, beyond);
  }

  /**
   * For each of ascending deadlines the option of each instruction, as an index into its option set; null: no plan
   * in time was found.
   * @param searches for so many of them, evenly spread: each finds plans from the one before to the one after
   */
  plans(relaxed: readonly RelaxedSolution[], searches: number): readonly (Int32Array | null)[] {
    const harvest = new Harvest(
      Float64Array.from(relaxed, ({ deadline_s }) => deadline_s * (1 + EPSILON)),
    );
    // The first deadline by itself too: it may be the fastest time, which few plans meet.
    const places = [0, ...spread([...relaxed.keys()], searches)];
    places.forEach((own, k) => {
      harvest.lookAt(places[k - 1] ?? own, places[k + 1] ?? own);
      this.#search(at(relaxed, own), harvest);
    });
    return harvest.choices;
  }

  #search(relaxed: RelaxedSolution, harvest: Harvest): void {
    const [there, back] = this.#guides(relaxed, hotFloat(harvest.deadline_s, harvest.last));
    if (!this.#there.run(there) || !this.#back.run(back)) return;
    for (const cut of this.#cuts) {
      const { row, backRow } = cut;
      cut.join(this.#there.row(row), this.#back.row(backRow), harvest, (m, n) => {
        const choice = new Int32Array(this.#size);
        this.#there.trace(row, m, choice);
        this.#back.trace(backRow, n, choice);
        return choice;
      });
    }
  }

  /** For both ways. On the way back time counts from the deadline, and a step ends where it starts. */
  #guides(
    { deadline_s, end_s, price_w, delayed_w }: RelaxedSolution,
    limit_s: number,
  ): [Guide, Guide] {
    const { steps } = this.#walk;
    const ends_s = new Float64Array(steps.length + 1);
    const back_s = new Float64Array(steps.length + 1);
    steps.forEach(({ instruction, before, delay_s }, k) => {
      const a_s = hotFloat(ends_s, before[0]) + delay_s[0];
      const start_s = Math.max(a_s, hotFloat(ends_s, before[1]) + delay_s[1]);
      ends_s[k] = instruction < 0 ? start_s : hotFloat(end_s, instruction);
      back_s[steps.length - 1 - k] = deadline_s - start_s;
    });
    const common = { limit_s, price_w, delayed_w };
    return [
      { ...common, end_s: ends_s },
      { ...common, end_s: back_s },
    ];
  }
}
