import type {
  IterationFrontier,
  IterationPoint,
  PipelineProblem,
  TimedInstruction,
} from "../ir/iteration.js";
import { paretoIndices } from "../math/pareto.js";
import { type Network, networkOf } from "./network.js";
import { type Relaxation, relax } from "./relaxation.js";
import { type Replay, replay } from "./replay.js";
import { Rounding } from "./rounding.js";

/** A discrete plan and how it plays out. */
interface Plan extends Replay {
  readonly choice: Int32Array;
}

/**
 * The frontier of discrete plans of a pipeline, with the relaxation's bound at each point's own
 * time: relaxed for `points` evenly spaced deadlines from the fastest to the energy-optimal time,
 * rounded to real options, replayed, and only what no other plan beats. Where fewer than four fifths
 * of the deadlines give a point of their own, those in between are tried too; at most `points` are
 * returned. Fails with KRS40xx on a problem that makes no sense.
 */
export function solvePipeline(
  problem: PipelineProblem,
  options: { readonly points: number },
): IterationFrontier {
  const network = networkOf(problem);
  const asked = Math.max(1, options.points);
  // Every second deadline is one of those that were asked for.
  const relaxation = relax(network, 2 * asked - 1);
  const isAsked = (k: number) => k % 2 === 0;
  let plans: readonly Plan[] = nonDominated(plansOf(network, relaxation, isAsked));
  if (plans.length < 0.8 * asked) {
    const between = plansOf(network, relaxation, (k) => !isAsked(k));
    plans = evenlyKept(nonDominated([...plans, ...between]), asked);
  }
  return {
    points: plans.map((plan) => pointOf(network, plan, relaxation)),
    energy_optimal_time_s: relaxation.energy_optimal_time_s,
  };
}

function plansOf(
  network: Network,
  { solutions }: Relaxation,
  wanted: (k: number) => boolean,
): Plan[] {
  const rounding = new Rounding(network);
  return solutions
    .filter((_, k) => wanted(k))
    .map(({ deadline_s, duration_s }) => {
      const choice = rounding.plan(deadline_s, duration_s);
      return { choice, ...replay(network, choice) };
    });
}

function nonDominated(plans: readonly Plan[]): Plan[] {
  const kept = paretoIndices(
    plans.map(({ time_s }) => time_s),
    plans.map(({ energy_j }) => energy_j),
  );
  return kept.flatMap((i) => plans[i] ?? []);
}

/** At most `count` of the plans, the first and the last among them. */
function evenlyKept(plans: readonly Plan[], count: number): readonly Plan[] {
  if (plans.length <= count) return plans;
  const step = (plans.length - 1) / Math.max(1, count - 1);
  return Array.from({ length: count }, (_, k) => plans[Math.round(k * step)]).flatMap(
    (plan) => plan ?? [],
  );
}

function pointOf(network: Network, plan: Plan, relaxation: Relaxation): IterationPoint {
  const instructions: TimedInstruction[][] = Array.from({ length: network.stages }, () => []);
  network.instructions.forEach((instruction, i) => {
    const option = network.sets[i]?.options[plan.choice[i] ?? 0];
    const start_s = plan.start_s[i] ?? 0;
    if (option) instructions[instruction.stage]?.push({ ...instruction, option, start_s });
  });
  const { time_s, energy_j } = plan;
  return { time_s, energy_j, lower_bound_j: relaxation.boundAt(time_s), instructions };
}
