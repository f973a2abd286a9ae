import type { Network } from "../network.js";
import { relaxCharging } from "./charged-transfers.js";
import { pipelineShape } from "./pipeline-graph.js";
import { type Relaxation, relaxGraph } from "./relaxed-graph.js";

/**
 * Relaxes a pipeline problem, see {@link relaxGraph}; what its drawing leaves out is charged, see
 * {@link relaxCharging}.
 * @param deadlines which, in seconds and descending: they are moved between the fastest and the
 * energy-optimal time; or how many at least from one to the other, see `EnergySteps`
 * @param shape the pipeline's, where it is known
 */
export function relax(
  network: Network,
  deadlines: number | readonly number[],
  shape = pipelineShape(network),
): Relaxation {
  const relaxed = shape.crossings.length === 0 ? relaxGraph : relaxCharging;
  return relaxed(network, deadlines, shape);
}
