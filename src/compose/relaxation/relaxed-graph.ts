import { at } from "../../base/need.js";
import { TimeCostFlow } from "../../math/flow/time-cost-flow.js";
import type { Network, OptionSet } from "../network.js";
import { replay } from "../replay.js";
import { BoundCurve } from "./bound-curve.js";
import type { PipelineShape } from "./pipeline-graph.js";
import { projectOf } from "./project.js";
import { Deadlines, EnergySteps, type RelaxedSolution, type Sampling } from "./sampling.js";
import { type LeftOut, SolvedPieces } from "./solved-pieces.js";

/**
 * The continuous relaxation of a pipeline problem: every instruction may take any duration between
 * its options, at the energy of their lower convex hull. Its least energy as a function of the
 * iteration's time is convex and piecewise linear, and no discrete plan is below it.
 */
export interface Relaxation {
  /** With every instruction at its fastest. */
  readonly fastest_s: number;
  /** Past it, waiting costs more than it saves. */
  readonly energy_optimal_time_s: number;
  /** Least energy at a time, static energy included; Infinity before `fastest_s`. */
  readonly boundAt: (time_s: number) => number;
  /** For each deadline, descending. */
  readonly solutions: readonly RelaxedSolution[];
}

/** Relative rounding of times and powers that comparisons forgive. */
const EPSILON = 1e-9;

/**
 * Solves the relaxation for all times at once, as the time-cost trade-off problem of project
 * scheduling (Kelley 1961, Fulkerson 1961, Phillips & Dessouky 1977; for pipelines with GPU clocks:
 * Perseus, arXiv 2312.06902, which steps by fixed amounts where this goes from breakpoint to
 * breakpoint). The dual is a flow, see {@link TimeCostFlow}, whose amount is the power in watts
 * that shortening costs: between two breakpoints the dynamic energy has slope -flow, and the total
 * energy is least where the flow passes stages x static power.
 * @param deadlines which, in seconds and descending: they are moved between the fastest and the
 * energy-optimal time; or how many at least from one to the other, see {@link EnergySteps}
 * @param leftOut what the pipeline's shape leaves out: deadlines and solutions are of the whole
 */
export function relaxGraph(
  network: Network,
  deadlines: number | readonly number[],
  shape: PipelineShape,
  leftOut: LeftOut | null = null,
): Relaxation {
  const { sets, stages, static_power_w } = network;
  const idle_power_w = stages * static_power_w;
  const slowest = replay(
    network,
    Int32Array.from(sets, ({ time_s }) => time_s.length - 1),
  );
  const fastest_s = leftOut?.fastest_s ?? replay(network, new Int32Array(sets.length)).time_s;

  const { graph, price_w } = projectOf(shape, network, slowest.time_s);
  const flow = new TimeCostFlow(graph, price_w);
  const curve = new BoundCurve(sumOfCheapest(sets), flow.time);
  const sampling: Sampling =
    typeof deadlines === "number"
      ? new EnergySteps(deadlines)
      : new Deadlines(deadlines.map((deadline_s) => Math.max(fastest_s, deadline_s)));
  const pieces = new SolvedPieces(flow, curve, sampling, { idle_power_w, fastest_s, leftOut });
  let optimal_s: number | null = null;
  while (flow.saturate()) {
    const until_s = flow.time - flow.descend();
    if (flow.flow > idle_power_w * (1 + EPSILON)) optimal_s ??= pieces.endsNow();
    if (optimal_s !== null) pieces.solve(until_s);
    if (optimal_s !== null && sampling.isDone) {
      curve.extend(flow.flow, until_s);
      break;
    }
    flow.settle();
    curve.extend(flow.flow, flow.time);
  }
  if (!sampling.isDone) pieces.solveLast();
  const energy_optimal_time_s = optimal_s ?? pieces.endsNow();
  const boundAt = (time_s: number) =>
    time_s < fastest_s * (1 - EPSILON)
      ? Number.POSITIVE_INFINITY
      : curve.at(time_s) + idle_power_w * time_s;
  return {
    fastest_s,
    energy_optimal_time_s,
    boundAt,
    solutions: sampling.solutions,
  };
}

function sumOfCheapest(sets: readonly OptionSet[]): number {
  return sets.reduce((sum, { dynamic_j }) => sum + at(dynamic_j, -1), 0);
}
