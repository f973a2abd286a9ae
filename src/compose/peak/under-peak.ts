import { refuse } from "../../base/diagnostics/diagnostic.js";
import { peakTooLow } from "../../base/diagnostics/plan.js";
import { at, need } from "../../base/need.js";
import { type InstructionOption, unswitched } from "../../ir/configuration.js";
import type { IterationFrontier, IterationPoint, PipelineProblem } from "../../ir/iteration.js";
import { longestSwitch } from "../../ir/switch-time.js";
import { sparsest } from "../../math/staircase.js";
import { type Network, networkOf } from "../network.js";
import { nonDominated } from "../non-dominated.js";
import { pointOf, stepsOf } from "../planner.js";
import { relax } from "../relaxation/relax.js";
import { solvePipeline } from "../solve.js";
import { switchedNetwork } from "../switching/switched-network.js";
import { PowerOverTime } from "./power-over-time.js";
import { Staggering } from "./staggering.js";

/** So many limits on single instructions are tried between the highest that any draws and an equal share. */
const LEVELS = 4;

/** Powers are sums: a limit is met within this share of it. */
const ROUNDING = 1e-9;

/** Plans of pipelines of more instructions are not searched on: a change moves too much to try many. */
const MOST_INSTRUCTIONS = 2048;

/** The most that one GPU of each stage draw together at any moment of an iteration, in W. */
function peakPower(
  { instructions }: Pick<IterationPoint, "instructions">,
  static_power_w: number,
): number {
  const lengths = instructions.map(({ length }) => length);
  const drawn = new PowerOverTime(lengths, static_power_w);
  instructions.flat().forEach(({ option, start_s }, i) => {
    drawn.start_s[i] = start_s;
    drawn.end_s[i] = start_s + option.time_s;
    drawn.power_w[i] = powerOf(option);
  });
  return drawn.peak();
}

function powerOf({ energy_j, time_s }: InstructionOption): number {
  return energy_j / time_s;
}

/** What is sought under a limit. */
interface PeakLimit {
  readonly points: number;
  /** Of one GPU of each stage together. */
  readonly peak_w: number;
  /** Plans of the same pipeline that are known already. */
  readonly known?: readonly IterationPoint[];
}

/** Like {@link plansUnderPeak}; refuses a limit that no plan found keeps (KRS4013). */
export function solveUnderPeak(problem: PipelineProblem, limit: PeakLimit): IterationFrontier {
  const found = plansUnderPeak(problem, limit);
  return "frontier" in found ? found.frontier : refuse(peakTooLow(limit.peak_w, found.least_w));
}

/**
 * The frontier of plans whose peak stays under a limit. Plans are sought under several limits on every single
 * instruction, from none, where stages may take turns at high power, to an equal share of the limit, where they
 * need not; those whose own peak is too high are left out, and from the others a search goes on for plans in which
 * stages take turns (see {@link Staggering}). Bounds are those without a limit. Where no plan found keeps the limit,
 * the lowest peak of all and the frontier without a limit.
 */
export function plansUnderPeak(
  problem: PipelineProblem,
  { points, peak_w, known = [] }: PeakLimit,
):
  | { readonly frontier: IterationFrontier }
  | { readonly least_w: number; readonly unlimited: IterationFrontier } {
  const { stages, static_power_w } = problem;
  const limit_w = peak_w * (1 + ROUNDING);
  const powers = problem.options.flatMap((kinds) =>
    Object.values(kinds).flatMap((options) => options.map(powerOf)),
  );
  const highest_w = Math.max(...powers);
  const share_w = Math.min(highest_w, peak_w / stages);
  const levels = Array.from({ length: LEVELS }, (_, k) => {
    return highest_w + ((share_w - highest_w) * k) / (LEVELS - 1);
  });
  const found = [...new Set(levels)].map((level_w) =>
    solvePipeline(limited(problem, level_w), { points }),
  );
  const unlimited = at(found, 0);
  const all = found.flatMap((frontier) => frontier.points);
  const peaks = all.map((point) => peakPower(point, static_power_w));
  const fitting = nonDominated(all.filter((_, i) => at(peaks, i) <= limit_w));
  if (fitting.length === 0) return { least_w: Math.min(...peaks), unlimited };
  const isBound = peaks.some((own_w) => own_w > limit_w);
  const network = networkOf(problem);
  const more = isBound ? staggered(problem, network, fitting, limit_w) : [];
  const others = known.filter((point) => peakPower(point, static_power_w) <= limit_w);
  const kept = nonDominated<IterationPoint>([...fitting, ...more, ...others]);
  const { boundAt } = relax(network, []);
  const chosen = sparsest(stepsOf(kept, boundAt), points).map((k) => at(kept, k));
  const { energy_optimal_time_s } = unlimited;
  const bounded = chosen.map((point) => pointOf(network, point, [{ boundAt }]));
  return { frontier: { points: bounded, energy_optimal_time_s } };
}

/** More plans under the limit, of a pipeline not too large for that. */
function staggered(
  problem: PipelineProblem,
  plain: Network,
  known: readonly IterationPoint[],
  limit_w: number,
): readonly IterationPoint[] {
  if (plain.instructions.length > MOST_INSTRUCTIONS) return [];
  const network = switchedNetwork(problem, plain);
  const switch_time_s = longestSwitch(problem.switch_time_s);
  const starts = known.map(({ instructions }) =>
    Int32Array.from(instructions.flat(), ({ option }, i) =>
      need(at(network.sets, i).numbers, unswitched(option)),
    ),
  );
  const plans = new Staggering(network, limit_w, switch_time_s).search(starts);
  return plans.map((plan) => pointOf(network, plan, [{ boundAt: () => 0 }]));
}

/** The same problem with the options that draw no more than a limit, or the one that draws least. */
function limited(problem: PipelineProblem, limit_w: number): PipelineProblem {
  const within = (options: readonly InstructionOption[]) => {
    const fitting = options.filter((option) => powerOf(option) <= limit_w);
    if (fitting.length > 0) return fitting;
    return [options.reduce((a, b) => (powerOf(b) < powerOf(a) ? b : a))];
  };
  const options = problem.options.map((kinds) =>
    Object.fromEntries(Object.entries(kinds).map(([kind, own]) => [kind, within(own)])),
  );
  return { ...problem, options };
}
