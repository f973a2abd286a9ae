import { refuse } from "../base/diagnostics/diagnostic.js";
import { deadlineTooEarly } from "../base/diagnostics/plan.js";
import { at, present } from "../base/need.js";
import type { IterationFrontier, IterationPoint, PipelineProblem } from "../ir/iteration.js";
import { longestSwitch } from "../ir/switch-time.js";
import { spread } from "../math/spread.js";
import { sparsest } from "../math/staircase.js";
import { exactFrontier } from "./exhaustive.js";
import { type Network, networkOf } from "./network.js";
import { nonDominated } from "./non-dominated.js";
import { type Candidate, distinct, frontierOf, plannerOf, plansOf, stepsOf } from "./planner.js";
import { pipelineShape } from "./relaxation/pipeline-graph.js";
import { relax } from "./relaxation/relax.js";
import type { Plan } from "./replay.js";

/** A deadline this little before the fastest time is that time, rounded. */
const EPSILON = 1e-9;

/** As many points as a frontier has where nobody says how many. */
const MOST_POINTS = 1000;

/** No more deadlines than these are tried, unless more points are asked for. */
const MOST_TRIED = 1600;

/**
 * The frontier of discrete plans of a pipeline, with the relaxation's bound at each point's own
 * time: relaxed for `points` deadlines from the fastest to the energy-optimal time, at equal steps of
 * the bound's energy, rounded to real options, replayed, and only what no other plan beats and no
 * neighbour nearly equals; of a small pipeline without switches the exact frontier. At most `points`
 * are returned. Fails with KRS40xx on a problem that makes no sense.
 */
export function solvePipeline(
  problem: PipelineProblem,
  { points }: { readonly points: number },
): IterationFrontier {
  return seekPlans(problem, points)([]);
}

/**
 * The same in two steps: the first takes its time, the second plans of the same pipeline that are known, of options
 * that the problem has too: rounding may miss them.
 */
export function seekPlans(
  problem: PipelineProblem,
  points: number,
): (known: readonly IterationPoint[]) => IterationFrontier {
  return byEnergySteps(problem, points, distinct);
}

/** Of so many times as many deadlines as points the best may be kept. */
const TRIES = 8;

/** Plans times instructions that it may take: tenths of a second; where it spares a {@link LOSS}, a few. */
const CHEAP = 4000;
const WORTH_A_LOSS = 200_000;

/** Relaxed solutions times instructions that are kept to choose from, for want of memory. */
const MOST_KEPT = 200_000;

/** What taking a frontier's next earlier point may lose of the energy, where that many points can do it. */
const LOSS = 1e-3;

/**
 * A frontier of at most so many points. More deadlines are tried where that is cheap, where fewer than
 * four fifths give a point of their own, and where there are enough points for a loss of at most
 * {@link LOSS}; of all plans found those are kept with which a deadline between two of them loses
 * least and which are close to their bound, see {@link sparsest}.
 */
function byEnergySteps(
  problem: PipelineProblem,
  points: number,
  tidy = (plans: readonly Candidate[]) => plans,
): (known: readonly IterationPoint[]) => IterationFrontier {
  const network = networkOf(problem);
  const shape = pipelineShape(network);
  const planner = plannerOf(problem, network, shape);
  const { length: size } = network.sets;
  const most = (limit: number) => Math.min(TRIES * points, MOST_TRIED, Math.floor(limit / size));
  const relaxation = relax(network, Math.max(points, most(MOST_KEPT)), shape);
  const { fastest_s, energy_optimal_time_s, boundAt } = relaxation;
  const finest_j = boundAt(energy_optimal_time_s) * (1 + LOSS) ** (points - 1);
  const isFine = boundAt(fastest_s) <= finest_j;
  const tried = Math.max(points, most(isFine || planner.isQuick ? WORTH_A_LOSS : CHEAP));
  const solutions = spread(relaxation.solutions, tried);
  let plans = nonDominated(plansOf(planner, solutions, null));
  const doubled = Math.min(2 * points, MOST_TRIED);
  if (plans.length < 0.8 * points && tried < doubled) {
    const more = spread(relaxation.solutions, doubled).filter((each) => !solutions.includes(each));
    plans = nonDominated([...plans, ...plansOf(planner, more, null)]);
  }
  const exact = exactOf(problem, network, plans);
  return (known) => {
    const all = withKnown(exact?.plans ?? plans, known);
    const kept = sparsest(stepsOf(all, boundAt), points).map((k) => at(all, k));
    return frontierOf(planner, relaxation, tidy(kept), exact);
  };
}

/** The plans that no other beats, those among them that were known and are more than rounding better. */
function withKnown(plans: readonly Plan[], known: readonly IterationPoint[]): Candidate[] {
  const isFound = ({ time_s, energy_j }: IterationPoint) =>
    plans.some(
      (plan) => plan.time_s <= time_s * (1 + EPSILON) && plan.energy_j <= energy_j * (1 + EPSILON),
    );
  return nonDominated<Candidate>([...plans, ...known.filter((point) => !isFound(point))]);
}

/**
 * The discrete plans for given deadlines and no others, again without those that another beats.
 * Fails with KRS40xx on a problem that makes no sense; refuses a deadline before the fastest time
 * (KRS4112). One past the energy-optimal time is met when waiting longer saves nothing.
 * @param deadlines which, in seconds; or how many points, see `solvePipeline`, 1000 where it is null
 */
export function solveDeadlines(
  problem: PipelineProblem,
  deadlines: number | readonly number[] | null,
): IterationFrontier {
  if (deadlines === null) return byEnergySteps(problem, MOST_POINTS)([]);
  if (typeof deadlines === "number") return byEnergySteps(problem, deadlines)([]);
  const network = networkOf(problem);
  const shape = pipelineShape(network);
  const planner = plannerOf(problem, network, shape);
  const latestFirst = deadlines.toSorted((a, b) => b - a);
  const relaxation = relax(network, latestFirst, shape);
  const found = nonDominated(plansOf(planner, relaxation.solutions, latestFirst));
  const exact = exactOf(problem, network, found);
  const plans = exact === null ? found : inTime(exact.plans, deadlines);
  checkInTime(deadlines, plans);
  return frontierOf(planner, relaxation, plans, exact);
}

/** Every plan of the exact frontier of a small pipeline; null: it is not small, or switches are charged. */
function exactOf({ switch_time_s }: PipelineProblem, network: Network, known: readonly Plan[]) {
  const plans = longestSwitch(switch_time_s) > 0 ? null : exactFrontier(network, known);
  if (plans === null) return null;
  return { plans, boundAt: (time_s: number) => present(latest(plans, time_s), "plan").energy_j };
}

/** Of an exact frontier the plan for each deadline. */
function inTime(plans: readonly Plan[], deadlines: readonly number[]): readonly Plan[] {
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
