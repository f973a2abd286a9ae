import { at, hot, hotFloat, hotInt } from "../base/need.js";
import type {
  IterationFrontier,
  IterationPoint,
  PipelineProblem,
  TimedInstruction,
} from "../ir/iteration.js";
import { longestSwitch } from "../ir/switch-time.js";
import type { Step } from "../math/staircase.js";
import { isSmall } from "./beam/beamed-plans.js";
import type { Network, Options } from "./network.js";
import type { PipelineShape } from "./relaxation/pipeline-graph.js";
import type { Relaxation } from "./relaxation/relaxed-graph.js";
import type { RelaxedSolution } from "./relaxation/sampling.js";
import { type Plan, replay } from "./replay.js";
import { Rounding } from "./rounding/rounding.js";
import { SwitchedRounding } from "./switching/switched-rounding.js";

/** What no plan is below that ends at a time. */
interface Bounds {
  readonly boundAt: (time_s: number) => number;
}

/** Turns relaxed solutions, of ascending deadlines, into discrete plans. */
interface Planner extends Bounds {
  /** In which the plans' options are counted. */
  readonly network: Network<Options>;
  /** Of plans that end as given, or when the solutions do; with switches, unless told, perhaps somewhat later. */
  readonly plans: (
    relaxed: readonly RelaxedSolution[],
    deadlines_s: readonly number[] | null,
  ) => readonly Int32Array[];
  /** Whether many deadlines hardly take longer than few. */
  readonly isQuick: boolean;
}

/** Charges switches where they take time. */
export function plannerOf(
  problem: PipelineProblem,
  network: Network,
  shape: PipelineShape,
): Planner {
  if (longestSwitch(problem.switch_time_s) > 0) {
    return new SwitchedRounding(problem, network, shape);
  }
  const rounding = new Rounding(network);
  const plans = (relaxed: readonly RelaxedSolution[]) => rounding.plans(relaxed);
  return { network, plans, isQuick: isSmall(network), boundAt: () => 0 };
}

/**
 * In ascending order of their deadlines.
 * @param solutions in descending order, as `deadlines_s`, see `Planner`
 */
export function plansOf(
  planner: Planner,
  solutions: readonly RelaxedSolution[],
  deadlines_s: readonly number[] | null,
): Plan[] {
  const ascending_s = deadlines_s === null ? null : deadlines_s.toReversed();
  return planner.plans(solutions.toReversed(), ascending_s).map((choice) => ({
    choice,
    ...replay(planner.network, choice),
  }));
}

/** What may become a point: a plan in a planner's network, or one that was known before. */
export type Candidate = Plan | IterationPoint;

/** A frontier's plans as steps of a staircase; one costs as much as it is above the bound. */
export function stepsOf(
  plans: readonly Candidate[],
  boundAt: (time_s: number) => number,
): readonly Step[] {
  return plans.map(({ time_s, energy_j }) => ({
    time: time_s,
    value: energy_j,
    cost: energy_j - boundAt(time_s),
  }));
}

/** What two points of a frontier differ by at least, in time or in energy: four digits tell them mostly apart. */
const DISTINCT = 5e-4;

/** Without the plans that hardly differ from the one before; the fastest and the cheapest stay. */
export function distinct(plans: readonly Candidate[]): Candidate[] {
  const kept: Candidate[] = [];
  for (const plan of plans) {
    const before = kept.at(-1);
    const apart =
      before === undefined ||
      plan.time_s - before.time_s >= DISTINCT * before.time_s ||
      before.energy_j - plan.energy_j >= DISTINCT * before.energy_j;
    if (apart) kept.push(plan);
  }
  const cheapest = plans.at(-1);
  if (cheapest !== undefined && kept.length > 1) kept[kept.length - 1] = cheapest;
  return kept;
}

/**
 * Plans as points, each with the best of its bounds; instructions are laid out when they are read. The cheapest may
 * end after the energy-optimal time of the relaxation, which knows neither switches nor gaps between options.
 */
export function frontierOf(
  planner: Planner,
  relaxation: Relaxation,
  plans: readonly Candidate[],
  exact: Bounds | null,
): IterationFrontier {
  const bounds = [relaxation, exact ?? planner];
  return {
    points: plans.map((plan) => pointOf(planner.network, plan, bounds)),
    energy_optimal_time_s: Math.max(relaxation.energy_optimal_time_s, at(plans, -1).time_s),
  };
}

/** A plan as a point, its bound the best of some. */
export function pointOf(
  network: Network<Options>,
  plan: Candidate,
  bounds: readonly Bounds[],
): IterationPoint {
  const { time_s, energy_j } = plan;
  const bound_j = Math.max(...bounds.map((each) => each.boundAt(time_s)));
  // The bound is a sum in another order: rounding may put it a hair above the energy, or below 0.
  const lower_bound_j = Math.max(0, Math.min(bound_j, energy_j));
  return {
    time_s,
    energy_j,
    lower_bound_j,
    get instructions() {
      return "choice" in plan ? timed(network, plan) : plan.instructions;
    },
  };
}

function timed(
  { stages, instructions, sets }: Network<Options>,
  { choice, start_s }: Plan,
): TimedInstruction[][] {
  const byStage: TimedInstruction[][] = Array.from({ length: stages }, () => []);
  instructions.forEach(({ stage, kind, microbatch, chunk }, i) => {
    const option = hot(sets, i).option(hotInt(choice, i));
    const start = hotFloat(start_s, i);
    hot(byStage, stage).push({ stage, kind, microbatch, chunk, option, start_s: start });
  });
  return byStage;
}
