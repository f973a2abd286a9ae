import { hotFloat } from "../../base/need.js";
import type { FlowSolution } from "../../math/flow/flow-solution.js";
import type { TimeCostFlow } from "../../math/flow/time-cost-flow.js";
import type { BoundCurve } from "./bound-curve.js";
import type { RelaxedInstructions, RelaxedSolution, Sampling } from "./sampling.js";

/** What a graph leaves out of a pipeline, which makes it longer. */
export interface LeftOut {
  /** Of the whole pipeline. */
  readonly fastest_s: number;
  /** By how much it makes the pipeline longer at a flow of so much power. */
  readonly later: (flow: FlowSolution, power_w: number) => number;
  /** What a flow says of the instructions of the whole pipeline. */
  readonly instructionsOf: (flow: FlowSolution, deadline_s: number) => RelaxedInstructions;
}

/** Times that differ by less than this share are one. */
const EPSILON = 1e-9;

/** What pieces are solved for. */
interface Ends {
  /** What a second of all stages' idling costs. */
  readonly idle_power_w: number;
  /** Of the whole pipeline. */
  readonly fastest_s: number;
  readonly leftOut: LeftOut | null;
}

/** Asks on each straight piece of the bound, from slow to fast, what is to be solved there. */
export class SolvedPieces {
  readonly #flow: TimeCostFlow;
  readonly #curve: BoundCurve;
  readonly #sampling: Sampling;
  readonly #ends: Ends;
  /** By how much what is left out makes the pipeline longer, where that was asked last: it may jump. */
  #later_s = 0;
  /** Down to which time solutions were asked for. */
  #reached_s = 0;

  constructor(flow: TimeCostFlow, curve: BoundCurve, sampling: Sampling, ends: Ends) {
    this.#flow = flow;
    this.#curve = curve;
    this.#sampling = sampling;
    this.#ends = ends;
  }

  /** When the pipeline ends with the present flow. */
  endsNow(): number {
    this.#hasMoved(this.#flow.solution(0));
    return Math.max(this.#flow.time + this.#later_s, this.#ends.fastest_s);
  }

  /** Solves what is asked for down to `until_s`, with the present flow. */
  solve(until_s: number): void {
    const { leftOut, fastest_s } = this.#ends;
    const until = () => (leftOut === null ? until_s : Math.max(until_s + this.#later_s, fastest_s));
    this.#solveDownTo(until, this.#flow.time - until_s);
  }

  /** Solves what is asked for down to the fastest time, which rounding may have put before the earliest one. */
  solveLast(): void {
    const { leftOut, fastest_s } = this.#ends;
    this.#hasMoved(this.#flow.solution(0));
    if (leftOut !== null) this.#solveDownTo(() => fastest_s, 0);
    const { time } = this.#flow;
    const from_s = leftOut === null ? time : fastest_s;
    for (;;) {
      const deadline_s = this.#next(from_s, 0, Number.POSITIVE_INFINITY);
      if (deadline_s === null) return;
      this.#keep(deadline_s, this.#solutionFor(deadline_s, time));
    }
  }

  /** @param most_s by how much the graph's own time may fall */
  #solveDownTo(until: () => number, most_s: number): void {
    const { time, flow } = this.#flow;
    for (;;) {
      const now_s = time + this.#later_s;
      const from_s = this.#ends.leftOut === null ? now_s : Math.max(now_s, this.#reached_s);
      const deadline_s = this.#next(from_s, until(), flow);
      if (deadline_s === null) break;
      const solution = this.#solutionFor(deadline_s, most_s);
      if (!this.#hasMoved(solution)) this.#keep(deadline_s, solution);
    }
    this.#reached_s = until();
  }

  #next(time_s: number, until_s: number, power_w: number): number | null {
    const { idle_power_w } = this.#ends;
    const energy_j = this.#dynamicAt(time_s) + idle_power_w * time_s;
    return this.#sampling.next({ time_s, energy_j, power_w: power_w - idle_power_w, until_s });
  }

  #dynamicAt(time_s: number): number {
    const { time, flow } = this.#flow;
    return this.#curve.last_j + flow * (time + this.#later_s - time_s);
  }

  #solutionFor(deadline_s: number, most_s: number): () => FlowSolution {
    const sooner_s = this.#flow.time + this.#later_s - deadline_s;
    return this.#flow.solution(Math.max(0, Math.min(sooner_s, most_s)));
  }

  /** Asks how much longer the pipeline takes than its graph; whether that is not what was asked before. */
  #hasMoved(solution: () => FlowSolution): boolean {
    const { leftOut } = this.#ends;
    if (leftOut === null) return false;
    const before_s = this.#later_s;
    this.#later_s = leftOut.later(solution(), this.#flow.flow);
    return Math.abs(this.#later_s - before_s) > EPSILON * this.#flow.time;
  }

  #keep(deadline_s: number, read: () => FlowSolution): void {
    const dynamic_j = this.#dynamicAt(deadline_s);
    const { leftOut, idle_power_w } = this.#ends;
    const instructionsOf = leftOut?.instructionsOf ?? drawnInstructions;
    const at = { deadline_s, dynamic_j, power_w: this.#flow.flow };
    const solution = new LateSolution(at, read, instructionsOf);
    this.#sampling.keep(solution, dynamic_j + idle_power_w * deadline_s);
  }
}

/** What a flow says of each instruction. */
function drawnInstructions({ events, prices: price_w }: FlowSolution): RelaxedInstructions {
  const end_s = price_w.map((_, i) => hotFloat(events, 2 * i + 1));
  const taken_s = price_w.map((_, i) => hotFloat(end_s, i) - hotFloat(events, 2 * i));
  return { end_s, taken_s, price_w };
}

/** A solution whose instructions are read off when they are asked for: of many few are. */
class LateSolution implements RelaxedSolution {
  readonly deadline_s: number;
  readonly dynamic_j: number;
  readonly power_w: number;
  readonly #read: () => FlowSolution;
  readonly #instructionsOf: LeftOut["instructionsOf"];
  #known: RelaxedInstructions | null = null;

  constructor(
    { deadline_s, dynamic_j, power_w }: Pick<LateSolution, "deadline_s" | "dynamic_j" | "power_w">,
    read: () => FlowSolution,
    instructionsOf: LeftOut["instructionsOf"],
  ) {
    this.deadline_s = deadline_s;
    this.dynamic_j = dynamic_j;
    this.power_w = power_w;
    this.#read = read;
    this.#instructionsOf = instructionsOf;
  }

  get end_s(): Float64Array {
    return this.#readOnce().end_s;
  }

  get taken_s(): Float64Array {
    return this.#readOnce().taken_s;
  }

  get price_w(): Float64Array {
    return this.#readOnce().price_w;
  }

  /** Read anew each time: few ask for it, and it is large. */
  get delayed_w(): Float64Array {
    return this.#read().delayed;
  }

  #readOnce(): RelaxedInstructions {
    this.#known ??= this.#instructionsOf(this.#read(), this.deadline_s);
    return this.#known;
  }
}
