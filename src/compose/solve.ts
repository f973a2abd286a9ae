import { refuse } from "../base/diagnostics/diagnostic.js";
import { deadlineTooEarly } from "../base/diagnostics/plan.js";
import { at, hot, hotFloat, hotInt, present } from "../base/need.js";
import type {
  IterationFrontier,
  IterationPoint,
  PipelineProblem,
  TimedInstruction,
} from "../ir/iteration.js";
import { longestSwitch } from "../ir/switch-time.js";
import { paretoIndices } from "../math/pareto.js";
import { spread } from "../math/spread.js";
import { exactFrontier } from "./exhaustive.js";
import { type Network, networkOf, type Options } from "./network.js";
import { type Relaxation, type RelaxedSolution, relax } from "./relaxation.js";
import { type Plan, replay } from "./replay.js";
import { Rounding } from "./rounding.js";
import { SwitchedRounding } from "./switching/switched-rounding.js";

/** A deadline this little before the fastest time is that time, rounded. */
const EPSILON = 1e-9;

/** At most so many breakpoints get a plan each. */
const MOST_BREAKPOINTS = 1000;

/**
 * The frontier of discrete plans of a pipeline, with the relaxation's bound at each point's own
 * time: relaxed for `points` evenly spaced deadlines from the fastest to the energy-optimal time,
 * rounded to real options, replayed, and only what no other plan beats and no neighbour nearly equals; of
 * a small pipeline without switches the exact frontier. Where fewer than four fifths of the deadlines give a point of their own, those in between are tried
 * too; at most `points` are returned. Fails with KRS40xx on a problem that makes no sense.
 */
export function solvePipeline(
  problem: PipelineProblem,
  options: { readonly points: number },
): IterationFrontier {
  const network = networkOf(problem);
  const planner = plannerOf(problem, network);
  const asked = Math.max(1, options.points);
  // Every second deadline is one of those that were asked for.
  const relaxation = relax(network, 2 * asked - 1);
  const isAsked = (k: number) => k % 2 === 0;
  let plans: readonly Plan[] = nonDominated(plansOf(planner, relaxation, isAsked));
  if (plans.length < 0.8 * asked) {
    const between = plansOf(planner, relaxation, (k) => !isAsked(k));
    plans = spread(nonDominated([...plans, ...between]), asked);
  }
  const exact = exactOf(problem, network, plans);
  const bounds = exact ?? planner;
  if (exact !== null) plans = spread(exact.plans, asked);
  return {
    points: distinct(plans).map((plan) => pointOf(planner.network, plan, [relaxation, bounds])),
    energy_optimal_time_s: relaxation.energy_optimal_time_s,
  };
}

/** What two points of a frontier differ by at least, in time or in energy: four digits tell them apart. */
const DISTINCT = 1e-3;

/** Without the plans that hardly differ from the one before; the fastest and the cheapest stay. */
function distinct(plans: readonly Plan[]): Plan[] {
  const kept: Plan[] = [];
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
 * The discrete plans for given deadlines and no others, again without those that another beats.
 * Fails with KRS40xx on a problem that makes no sense; refuses a deadline before the fastest time
 * (KRS4112). One past the energy-optimal time is met at that time: waiting longer saves nothing.
 * @param deadlines how many, evenly spaced from the fastest to the energy-optimal time; or which, in
 * seconds; or null: at every breakpoint of the relaxation, 1000 of them if there are more
 */
export function solveDeadlines(
  problem: PipelineProblem,
  deadlines: number | readonly number[] | null,
): IterationFrontier {
  const network = networkOf(problem);
  const planner = plannerOf(problem, network);
  const asked = deadlines ?? spread(relax(network, []).breakpoints_s, MOST_BREAKPOINTS);
  const descending = typeof asked === "number" ? asked : asked.toSorted((a, b) => b - a);
  const relaxation = relax(network, descending);
  const found = nonDominated(plansOf(planner, relaxation, () => true));
  const exact = exactOf(problem, network, found);
  const bounds = exact ?? planner;
  const even = relaxation.solutions.map(({ deadline_s }) => deadline_s);
  const wanted = typeof deadlines === "number" ? even : deadlines;
  const plans = exact === null ? found : inTime(exact.plans, wanted);
  if (deadlines !== null && typeof deadlines !== "number") checkInTime(deadlines, plans);
  return {
    points: plans.map((plan) => pointOf(planner.network, plan, [relaxation, bounds])),
    energy_optimal_time_s: relaxation.energy_optimal_time_s,
  };
}

/** Every plan of the exact frontier of a small pipeline; null: it is not small, or switches are charged. */
function exactOf({ switch_time_s }: PipelineProblem, network: Network, known: readonly Plan[]) {
  const plans = longestSwitch(switch_time_s) > 0 ? null : exactFrontier(network, known);
  if (plans === null) return null;
  return { plans, boundAt: (time_s: number) => present(latest(plans, time_s), "plan").energy_j };
}

/** Of an exact frontier the plan for each deadline, all of it where none is given. */
function inTime(plans: readonly Plan[], deadlines: readonly number[] | null): readonly Plan[] {
  if (deadlines === null) return spread(plans, MOST_BREAKPOINTS);
  const chosen = deadlines.map((deadline_s) => latest(plans, deadline_s) ?? at(plans, 0));
  return plans.filter((plan) => chosen.includes(plan));
}

/** The last of an ascending frontier that ends in time: the one with the least energy. */
function latest(plans: readonly Plan[], deadline_s: number): Plan | undefined {
  return plans.findLast(({ time_s }) => time_s <= deadline_s * (1 + EPSILON));
}

/** Refuses where the fastest plan found misses the earliest deadline. */
function checkInTime(deadlines_s: readonly number[], [fastest]: readonly Plan[]): void {
  const earliest_s = Math.min(...deadlines_s);
  if (fastest === undefined || earliest_s >= fastest.time_s * (1 - EPSILON)) return;
  refuse(deadlineTooEarly(earliest_s, fastest.time_s));
}

/** Turns relaxed solutions, of ascending deadlines, into discrete plans. */
interface Planner extends Bounds {
  /** In which the plans' options are counted. */
  readonly network: Network<Options>;
  readonly plan: (relaxed: RelaxedSolution) => Int32Array;
}

function plannerOf(problem: PipelineProblem, network: Network): Planner {
  if (longestSwitch(problem.switch_time_s) > 0) return new SwitchedRounding(problem, network);
  const rounding = new Rounding(network);
  return { network, plan: (relaxed) => rounding.plan(relaxed), boundAt: () => 0 };
}

function plansOf(
  planner: Planner,
  { solutions }: Relaxation,
  wanted: (k: number) => boolean,
): Plan[] {
  return solutions
    .filter((_, k) => wanted(k))
    .toReversed()
    .map((solution) => {
      const choice = planner.plan(solution);
      return { choice, ...replay(planner.network, choice) };
    });
}

function nonDominated(plans: readonly Plan[]): Plan[] {
  const kept = paretoIndices(
    plans.map(({ time_s }) => time_s),
    plans.map(({ energy_j }) => energy_j),
  );
  return kept.map((i) => at(plans, i));
}

/** What no plan is below that ends at a time. */
interface Bounds {
  readonly boundAt: (time_s: number) => number;
}

function pointOf(network: Network<Options>, plan: Plan, bounds: readonly Bounds[]): IterationPoint {
  const { time_s, energy_j } = plan;
  const bound_j = Math.max(...bounds.map((each) => each.boundAt(time_s)));
  // The bound is a sum in another order: rounding may put it a hair above the energy, or below 0.
  const lower_bound_j = Math.max(0, Math.min(bound_j, energy_j));
  return {
    time_s,
    energy_j,
    lower_bound_j,
    get instructions() {
      return timed(network, plan);
    },
  };
}

function timed(
  { stages, instructions, sets }: Network<Options>,
  { choice, start_s }: Plan,
): TimedInstruction[][] {
  const byStage: TimedInstruction[][] = Array.from({ length: stages }, () => []);
  instructions.forEach(({ stage, kind, microbatch, chunk }, i) => {
    const option = hot(hot(sets, i).options, hotInt(choice, i));
    const start = hotFloat(start_s, i);
    hot(byStage, stage).push({ stage, kind, microbatch, chunk, option, start_s: start });
  });
  return byStage;
}
