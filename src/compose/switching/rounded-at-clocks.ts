import { at } from "../../base/need.js";
import { LARGE, type Network, type OptionSet } from "../network.js";
import type { PipelineShape } from "../relaxation/pipeline-graph.js";
import { relax } from "../relaxation/relax.js";
import type { RelaxedSolution } from "../relaxation/sampling.js";
import { Rounding } from "../rounding/rounding.js";
import type { ClockGroup } from "./clock-groups.js";
import { clockedSets, numbered } from "./clocked-sets.js";
import { GroupClocks } from "./group-clocks.js";
import type { PricedClocks } from "./priced-clocks.js";
import type { SwitchedNetwork } from "./switched-network.js";
import { SwitchedSearch } from "./switched-search.js";

/** A plan that takes so much more than the bound, as a share, is sought from other starts too. */
const DEAR = 0.005;

/** What a plan is sought for. */
interface Sought {
  readonly deadline_s: number;
  /** What no plan in time takes less than. */
  readonly bound_j: number;
  /** What costs least at the bound, where it is known; see `SwitchedSearch` for how. */
  readonly cheapest: Int32Array | null;
}

/** A relaxed solution to be rounded, and what its instructions choose from. */
interface Start {
  readonly sets: readonly OptionSet[];
  readonly solution: RelaxedSolution;
}

/** Rounds relaxed solutions at clocks that they call for, and searches on from there among plans with switches charged. */
export class RoundedAtClocks {
  readonly #network: SwitchedNetwork;
  readonly #plain: Network;
  readonly #shape: PipelineShape;
  readonly #groups: readonly ClockGroup[];
  readonly #clocks: GroupClocks;
  readonly #search: SwitchedSearch;
  readonly #isLarge: boolean;
  #excess = 0;

  constructor(
    network: SwitchedNetwork,
    plain: Network,
    shape: PipelineShape,
    groups: readonly ClockGroup[],
    priced: PricedClocks,
  ) {
    this.#network = network;
    this.#plain = plain;
    this.#shape = shape;
    this.#groups = groups;
    this.#clocks = new GroupClocks(network, plain, groups, priced);
    this.#isLarge = plain.sets.length > LARGE;
    const { least_s } = this.#clocks;
    this.#search = new SwitchedSearch(network, groups, this.#allFastest(), least_s);
  }

  /** By what share switches made the plan before longer. */
  get excess(): number {
    return this.#excess;
  }

  /** When the fastest plan that is known ends. */
  get fastest_s(): number {
    return this.#search.fastest_s;
  }

  /** What the plan before takes, static power included. */
  get energy_j(): number {
    return this.#search.energy_j;
  }

  /**
   * Rounds at the clocks that a relaxation calls for, and where that comes out dear at others; of a small
   * pipeline also searches from what costs least at the bound.
   * @param relaxed with time for switches left
   * @returns the option of each instruction after the clock before it
   */
  plan(relaxed: RelaxedSolution, { deadline_s, bound_j, cheapest }: Sought): Int32Array {
    const search = this.#search;
    if (!this.#isLarge && cheapest !== null) search.improve(cheapest, deadline_s);
    for (const { sets, solution } of this.#starts(relaxed, deadline_s)) {
      const rounding = new Rounding({ ...this.#plain, sets }, { isSearchedOn: true });
      const rounded = numbered(this.#network, sets, rounding.plan(solution));
      this.#excess = Math.max(0, 1 - relaxed.deadline_s / search.timeOf(rounded));
      search.improve(rounded, deadline_s);
      if (search.energy_j <= bound_j * (1 + DEAR)) break;
    }
    return search.finish(deadline_s);
  }

  /** What is rounded, one after the other; in a small pipeline also what is relaxed anew with groups at clocks. */
  *#starts(relaxed: RelaxedSolution, deadline_s: number): Generator<Start> {
    let isFirst = true;
    for (const clocks of this.#clocks.callFor(relaxed, deadline_s)) {
      const sets = this.#setsAt(clocks);
      if (isFirst) yield { sets, solution: relaxed };
      isFirst = false;
      if (this.#clocks.isSimple) return;
      const { solutions } = relax({ ...this.#plain, sets }, [relaxed.deadline_s], this.#shape);
      yield { sets, solution: at(solutions, 0) };
    }
  }

  /** Every instruction at its fastest, with groups at clocks that may make the fastest plan. */
  *#allFastest(): Generator<Int32Array> {
    for (const clocks of this.#clocks.fastest()) {
      const sets = this.#setsAt(clocks);
      yield numbered(this.#network, sets, new Int32Array(sets.length));
    }
  }

  #setsAt(clocks: readonly number[]): readonly OptionSet[] {
    return clockedSets(this.#network, this.#plain, this.#groups, clocks);
  }
}
