import { z } from "zod";
import { type Format, writeFormat } from "./format.js";
import { execution } from "./frontier.js";
import { count, expectedError, graphReference, measuredWorkload, quantity } from "./shared.js";

/** A cause of time, and the static energy of a whole replica that this time costs. */
const share = z.object({ time_s: z.number(), static_j: z.number() });

/** What time goes to. */
export const causes = z.object({
  /** Kernels one after the other, at the clock asked for. */
  compute: share,
  /** What kernels take longer because communication is beside them. */
  contention: share,
  /** Communication that no kernel of its partition runs beside. */
  exposed_communication: share,
  /** What takes longer because the power cap lowers the clock. */
  throttling: share,
  /** What instructions take longer because the CPU launches them more slowly than the GPU runs them. */
  launches: share,
  /** What instructions take longer, or shorter, because they start at the clock before. */
  clock_switches: share,
  /** The optimizer step, and what comes with it once an iteration. */
  tail: share,
  /** Stages that wait. */
  bubbles: share,
});

/**
 * Time counts one GPU of each stage, energy every GPU of a replica. The causes' times add up to
 * `time_s`; their static energies and `dynamic_j` to `energy_j`.
 */
const scope = z.object({ causes, dynamic_j: z.number(), time_s: quantity, energy_j: quantity });

const point = z.object({ id: count, time_s: quantity, energy_j: quantity });

const explanation = z.object({
  format: z.literal("kareus-explanation"),
  version: z.literal(1),
  graph: graphReference,
  gpu: z.string(),
  /** GPUs of a replica that run each stage. */
  gpus_per_stage: count,
  static_power_w: quantity,
  point,
  /** Of how many runs of partitions each source tells the cost. */
  sources: z.object({
    measured: count,
    interpolated: count,
    modelled: count,
    extrapolated: count,
  }),
  /** How far off the point may be, and of what kind of workload; absent: the plan does not say. */
  expected_error: expectedError.exactOptional(),
  workload: measuredWorkload.exactOptional(),
  /** Stages x `time_s` of the point, and its energy. */
  total: scope,
  stages: z.array(scope.extend({ stage: count })),
  /** Of all runs of a partition type in an iteration; tails count as what they are made of. */
  partitions: z.array(
    scope.extend({
      partition: z.string(),
      /** What it is, in words: `attention, layers 1-27, forward (f9727d)`. */
      name: z.string(),
      runs: count,
      /** Its launch slots, in the order in which it lists them. */
      slots: z.array(z.string()),
      /** What communicates beside it; null: nothing. */
      communication: z.string().nullable(),
    }),
  ),
  /** What a sequential iteration at the highest clock takes under each execution; absent: not known. */
  executions: z.array(execution).exactOptional(),
  /** The next slower point; null: no slower one costs less; absent: the plan knows no frontier. */
  next_point: point.nullable().exactOptional(),
  /** What it would change, null where its plan is not known: differences to `total`, and what is set otherwise. */
  next: z
    .object({
      point,
      causes,
      dynamic_j: z.number(),
      time_s: z.number(),
      energy_j: z.number(),
      settings: z.array(z.string()),
    })
    .nullable(),
});

/** Why a point costs what it costs. */
export type ExplanationFile = z.infer<typeof explanation>;
export type Causes = z.infer<typeof causes>;
export type Cause = keyof Causes;
export type Scope = z.infer<typeof scope>;

/** The format of an explanation. */
export const EXPLANATION_FORMAT: Format<ExplanationFile> = {
  name: "kareus-explanation",
  version: 1,
  schema: explanation,
};

/** The canonical bytes of an explanation. */
export function writeExplanation(file: ExplanationFile): string {
  return writeFormat(EXPLANATION_FORMAT, file);
}
