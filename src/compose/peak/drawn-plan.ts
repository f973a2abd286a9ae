import { at, hot, hotFloat, hotInt } from "../../base/need.js";
import { type Plan, replay } from "../replay.js";
import type { SwitchedNetwork } from "../switching/switched-network.js";
import { PowerOverTime } from "./power-over-time.js";

/**
 * A discrete plan by the option of each instruction, counted without the clock before it, laid out in time with
 * switches charged, and what it draws.
 */
export class DrawnPlan {
  readonly options: Int32Array;
  /** When the last instruction ends, and what all take, static power included, as of the last `play`. */
  time_s = 0;
  energy_j = 0;
  readonly drawn: PowerOverTime;
  readonly #network: SwitchedNetwork;
  readonly #isCharged: boolean;
  /** On the stage, all round: the first comes after the last, of the iteration before. */
  readonly #before: Int32Array;
  /** The last, for none, is 0. */
  readonly #end_s: Float64Array;

  /** @param isCharged whether a change of the clock takes time */
  constructor(network: SwitchedNetwork, isCharged: boolean) {
    const { instructions, stages, stageBefore, stageAfter, static_power_w } = network;
    const size = instructions.length;
    this.#network = network;
    this.#isCharged = isCharged;
    this.options = new Int32Array(size);
    const lengths = new Array<number>(stages).fill(0);
    for (const { stage } of instructions) lengths[stage] = at(lengths, stage) + 1;
    this.drawn = new PowerOverTime(lengths, static_power_w);
    this.#before = stageBefore.slice();
    instructions.forEach(({ stage }, i) => {
      if (stageAfter[i] === size) this.#before[i + 1 - at(lengths, stage)] = i;
    });
    this.#end_s = new Float64Array(size + 1);
  }

  /** The number of an instruction's option in the network, after the clock before it. */
  numberOf(i: number, option = hotInt(this.options, i)): number {
    const { sets, clocks_mhz } = this.#network;
    const before = this.#isCharged ? hotInt(this.#before, i) : i;
    const own = before === i ? option : hotInt(this.options, before);
    return option * clocks_mhz.length + hotInt(hot(sets, before).clock, own);
  }

  /** Lays the options out in time. */
  play(): void {
    const { sets, stages, static_power_w, topological } = this.#network;
    const { stageBefore, dataBefore, transfer_s } = this.#network;
    const { start_s, end_s, power_w } = this.drawn;
    let dynamic_j = 0;
    let last_s = 0;
    for (let p = 0; p < topological.length; p++) {
      const i = hotInt(topological, p);
      const number = this.numberOf(i);
      const { time_s, dynamic_j: own_j } = hot(sets, i);
      const onStage_s = hotFloat(this.#end_s, hotInt(stageBefore, i));
      const arrived_s = hotFloat(this.#end_s, hotInt(dataBefore, i)) + hotFloat(transfer_s, i);
      const duration_s = hotFloat(time_s, number);
      const start = Math.max(onStage_s, arrived_s);
      start_s[i] = start;
      end_s[i] = this.#end_s[i] = start + duration_s;
      power_w[i] = static_power_w + (duration_s > 0 ? hotFloat(own_j, number) / duration_s : 0);
      dynamic_j += hotFloat(own_j, number);
      if (start + duration_s > last_s) last_s = start + duration_s;
    }
    this.time_s = last_s;
    this.energy_j = dynamic_j + static_power_w * stages * last_s;
  }

  /** What an instruction takes beyond static power. */
  dynamicOf(i: number): number {
    return hotFloat(hot(this.#network.sets, i).dynamic_j, this.numberOf(i));
  }

  durationOf(i: number): number {
    return hotFloat(this.drawn.end_s, i) - hotFloat(this.drawn.start_s, i);
  }

  /** As the network counts it. */
  plan(): Plan {
    const choice = Int32Array.from(this.options, (option, i) => this.numberOf(i, option));
    return { choice, ...replay(this.#network, choice) };
  }
}
