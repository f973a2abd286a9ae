import { z } from "zod";
import { type Format, laidOut, readFormat } from "./format.js";
import { count, quantity } from "./shared.js";

const point = z.object({
  time_s: quantity,
  /** Sum of chosen energies + static power x (stages x time - sum of chosen times). */
  energy_j: quantity,
  /** Proven minimum of the continuous relaxation at `time_s`. */
  lower_bound_j: quantity,
  /**
   * By stage: for each of its instructions, in pipeline order with the tail last, an index into the
   * instance's options.
   */
  choice: z.array(z.array(count)),
});

const solution = z.object({
  format: z.literal("kareus-solution"),
  version: z.literal(1),
  /** Past it, waiting costs more than it saves: of the relaxation, or of the points where the last ends later. */
  energy_optimal_time_s: quantity,
  points: z.array(point),
  /** Why the solver stopped: it always goes to the end. */
  stop: z.literal("complete"),
});

/** A solution: the frontier of an instance. */
export type SolutionFile = z.infer<typeof solution>;

/** The format of a solution. */
export const SOLUTION_FORMAT: Format<SolutionFile> = {
  name: "kareus-solution",
  version: 1,
  schema: solution,
};

/** Reads a solution; throws DiagnosticError (KRS410x) naming file and place. */
export function readSolution(text: string, where: string): SolutionFile {
  return readFormat(SOLUTION_FORMAT, text, where);
}

/** The canonical bytes of a solution, whose fields are in the schema's order. */
export function writeSolution(file: SolutionFile): string {
  return laidOut(file);
}
