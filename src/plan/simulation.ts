import { z } from "zod";
import { type Format, writeFormat } from "./format.js";
import { count, graphReference, quantity } from "./shared.js";

/** One iteration of a whole replica, every GPU of every stage. */
const outcome = z.object({
  time_s: quantity,
  energy_j: quantity,
  average_power_w: quantity,
  /** Of instructions' averages: within one, kernels draw more and less. */
  peak_power_w: quantity,
  lowest_power_w: quantity,
  /** From the lowest to the peak. */
  swing_w: quantity,
});

const simulation = z.object({
  format: z.literal("kareus-simulation"),
  version: z.literal(1),
  graph: graphReference,
  gpu: z.string(),
  /** The point of the plan that was replayed. */
  point: count,
  /** What is otherwise than the plan has it, in words. */
  conditions: z.array(z.string()),
  /** Of how many runs of partitions each source tells the cost, under these conditions. */
  sources: z.object({
    measured: count,
    interpolated: count,
    modelled: count,
    extrapolated: count,
  }),
  /** The plan as it is, on its own GPU. */
  plan: outcome,
  simulated: outcome,
  stages: z.array(
    z.object({
      stage: count,
      busy_s: quantity,
      /** The share of the iteration in which the stage waits. */
      bubble_share: quantity,
      /** Of one GPU, waiting included. */
      energy_j: z.number(),
    }),
  ),
  /** Power of the replica over the iteration: from `start_s` to that of the next. */
  power: z.array(z.object({ start_s: quantity, power_w: z.number() })),
});

/** What comes of a plan under other conditions. */
export type SimulationFile = z.infer<typeof simulation>;

/** The format of a simulation. */
export const SIMULATION_FORMAT: Format<SimulationFile> = {
  name: "kareus-simulation",
  version: 1,
  schema: simulation,
};

/** The canonical bytes of a simulation. */
export function writeSimulation(file: SimulationFile): string {
  return writeFormat(SIMULATION_FORMAT, file);
}
