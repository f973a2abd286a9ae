import { grouped } from "../../base/grouped.js";
import { at, hot, hotFloat, hotInt } from "../../base/need.js";
import type { Network } from "../network.js";
import { nonDominated } from "../non-dominated.js";
import { playPlaced } from "../placed-links.js";
import type { SwitchedNetwork } from "./switched-network.js";

/** No more instructions are played, all plans together, than a tenth of a second allows. */
const MOST_PLAYED = 1e7;

/** A stage at one clock: what its instructions take there at their fastest, by their places. */
interface Held {
  readonly clock: number;
  readonly time_s: Float64Array;
  readonly dynamic_j: number;
}

interface Stage {
  readonly places: Int32Array;
  /** By clock, as far as all of its instructions can run there. */
  readonly held: readonly Held[];
}

/** A plan that never switches. */
export interface Steady {
  /** Of each stage, as indices into the network's. */
  readonly clocks: readonly number[];
  readonly time_s: number;
  readonly energy_j: number;
}

/**
 * The plans that never switch, all instructions at their fastest at their stage's clock, and that no other such plan
 * beats: in ascending time. None where there are too many to look at.
 */
export function steadyPlans(network: SwitchedNetwork, plain: Network): readonly Steady[] {
  const stages = stagesOf(network);
  const count = stages.reduce((product, { held }) => product * held.length, 1);
  if (count * network.sets.length > MOST_PLAYED) return [];
  return nonDominated(allPlans(stages, plain));
}

function stagesOf({ sets, instructions, clocks_mhz, placed }: SwitchedNetwork): readonly Stage[] {
  const byStage = grouped(sets.keys(), (i) => at(instructions, i).stage);
  return Array.from(byStage.values(), (members) => ({
    places: Int32Array.from(members, (i) => hotInt(placed.place, i)),
    held: [...clocks_mhz.keys()].flatMap((clock): Held[] => {
      const own = members.map((i) => at(hot(sets, i).atClock, clock));
      if (own.some(({ options }) => options.length === 0)) return [];
      const time_s = Float64Array.from(own, (set) => hotFloat(set.time_s, 0));
      const dynamic_j = own.reduce((sum_j, set) => sum_j + hotFloat(set.dynamic_j, 0), 0);
      return [{ clock, time_s, dynamic_j }];
    }),
  }));
}

function allPlans(stages: readonly Stage[], { placed, ...plain }: Network): readonly Steady[] {
  const size = plain.sets.length;
  const [duration_s, end_s] = [new Float64Array(size), new Float64Array(size + 1)];
  const plans: Steady[] = [];
  const visit = (s: number, clocks: readonly number[], dynamic_j: number) => {
    const stage = stages[s];
    if (stage === undefined) {
      const time_s = playPlaced(placed, duration_s, end_s);
      const energy_j = dynamic_j + plain.static_power_w * plain.stages * time_s;
      plans.push({ clocks, time_s, energy_j });
      return;
    }
    for (const held of stage.held) {
      stage.places.forEach((p, k) => {
        duration_s[p] = hotFloat(held.time_s, k);
      });
      visit(s + 1, [...clocks, held.clock], dynamic_j + held.dynamic_j);
    }
  };
  visit(0, [], 0);
  return plans;
}
