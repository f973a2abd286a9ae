import { refuse } from "../base/diagnostics/diagnostic.js";
import { peakTooLow } from "../base/diagnostics/plan.js";
import { at } from "../base/need.js";
import type { InstructionOption } from "../ir/configuration.js";
import type { IterationFrontier, IterationPoint, PipelineProblem } from "../ir/iteration.js";
import { paretoIndices } from "../math/pareto.js";
import { spread } from "../math/spread.js";
import { networkOf } from "./network.js";
import { relax } from "./relaxation.js";
import { solvePipeline } from "./solve.js";

/** So many limits on single instructions are tried between the highest that any draws and an equal share. */
const LEVELS = 8;

/** Powers are sums: a limit is met within this share of it. */
const ROUNDING = 1e-9;

/**
 * The most that one GPU of each stage draw together at any moment of an iteration, in W: an instruction draws
 * its mean power while it runs, a stage static power between.
 */
function peakPower(
  { instructions }: Pick<IterationPoint, "instructions">,
  static_power_w: number,
): number {
  const changes = instructions.flat().flatMap(({ option, start_s }) => {
    const above_w = powerOf(option) - static_power_w;
    return [
      { time_s: start_s, by_w: above_w },
      { time_s: start_s + option.time_s, by_w: -above_w },
    ];
  });
  // What ends at a moment makes room for what starts then.
  changes.sort((a, b) => a.time_s - b.time_s || a.by_w - b.by_w);
  let power_w = instructions.length * static_power_w;
  let peak_w = power_w;
  for (const { by_w } of changes) {
    power_w += by_w;
    peak_w = Math.max(peak_w, power_w);
  }
  return peak_w;
}

function powerOf({ energy_j, time_s }: InstructionOption): number {
  return energy_j / time_s;
}

/**
 * The frontier of plans whose peak stays under a limit. Plans are sought under several limits on every single
 * instruction, from none, where stages may take turns at high power, to an equal share of the limit, where they
 * need not; those whose own peak is too high are left out. Bounds are those without a limit. Refuses a limit
 * that no plan found keeps (KRS4013).
 * @param peak_w of one GPU of each stage together
 */
export function solveUnderPeak(
  problem: PipelineProblem,
  { points, peak_w }: { readonly points: number; readonly peak_w: number },
): IterationFrontier {
  const { stages, static_power_w } = problem;
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
  const all = found.flatMap((frontier) => frontier.points);
  const peaks = all.map((point) => peakPower(point, static_power_w));
  const fitting = all.filter((_, i) => at(peaks, i) <= peak_w * (1 + ROUNDING));
  if (fitting.length === 0) return refuse(peakTooLow(peak_w, Math.min(...peaks)));
  const kept = paretoIndices(
    fitting.map(({ time_s }) => time_s),
    fitting.map(({ energy_j }) => energy_j),
  ).map((i) => at(fitting, i));
  const { boundAt } = relax(networkOf(problem), []);
  return {
    points: spread(kept, points).map((point) => {
      const lower_bound_j = Math.max(0, Math.min(boundAt(point.time_s), point.energy_j));
      return { ...point, lower_bound_j };
    }),
    energy_optimal_time_s: at(found, 0).energy_optimal_time_s,
  };
}

/** The same problem with the options that draw no more than a limit, or the one that draws least. */
function limited(problem: PipelineProblem, limit_w: number): PipelineProblem {
  const within = (options: readonly InstructionOption[]) => {
    const fitting = options.filter((option) => powerOf(option) <= limit_w * (1 + ROUNDING));
    if (fitting.length > 0) return fitting;
    return [options.reduce((a, b) => (powerOf(b) < powerOf(a) ? b : a))];
  };
  const options = problem.options.map((kinds) =>
    Object.fromEntries(Object.entries(kinds).map(([kind, own]) => [kind, within(own)])),
  );
  return { ...problem, options };
}
