import { at, present } from "../base/need.js";
import type { InstructionOption } from "./configuration.js";
import { type InstructionKind, lastKindOf, type OptionKind } from "./partition.js";
import type { Placement } from "./placement.js";
import type { SwitchTime } from "./switch-time.js";

/**
 * Level 4: one training iteration of a pipeline. All energies here count one GPU of each stage;
 * emission multiplies by the GPUs that share a stage.
 */

/** One instruction of the pipeline; `microbatch` is null for the tail. */
export interface PipelineInstruction {
  readonly stage: number;
  readonly kind: InstructionKind;
  readonly microbatch: number | null;
  readonly chunk: number;
}

/** Each stage's own order; dependencies between stages follow from kinds and microbatches. */
export type PipelineOrder = readonly (readonly PipelineInstruction[])[];

/** The time-cost trade-off problem: which option for each instruction, for every deadline? */
export interface PipelineProblem {
  readonly stages: number;
  readonly microbatches: number;
  readonly static_power_w: number;
  /** Between the end of an instruction and the start of what awaits it on another stage. */
  readonly transfer_s: number;
  /**
   * How long a change of the clock takes to set in; 0: it is free, see `switchTimeTo`. What follows from it is in
   * compose/switching/.
   */
  readonly switch_time_s: SwitchTime;
  readonly placement: Placement;
  readonly order: PipelineOrder;
  /** `options[chunk * stages + stage][kind]`: what each such instruction may choose from. */
  readonly options: readonly Readonly<Partial<Record<OptionKind, readonly InstructionOption[]>>>[];
}

/**
 * All options of an instruction, as the problem lists them: those of the last microbatch where it
 * has its own.
 */
export function optionsOf(
  { options, stages, microbatches }: PipelineProblem,
  { stage, chunk, kind, microbatch }: PipelineInstruction,
): readonly InstructionOption[] {
  const own = at(options, chunk * stages + stage);
  const last = microbatch === microbatches - 1 ? lastKindOf(kind) : null;
  return present(own[last ?? kind] ?? own[kind], `option of ${kind} on stage ${stage}`);
}

/** An instruction of a discrete plan, placed in time. */
export interface TimedInstruction extends PipelineInstruction {
  readonly option: InstructionOption;
  readonly start_s: number;
}

/** A discrete plan, replayed: `time_s` is when the last instruction ends. */
export interface IterationPoint {
  readonly time_s: number;
  /** Sum of instruction energies + static power x (stages x time_s - sum of instruction times). */
  readonly energy_j: number;
  /** Proven minimum of the continuous relaxation at `time_s`. */
  readonly lower_bound_j: number;
  /** By stage, in pipeline order; laid out anew whenever it is read: all at once fill the memory. */
  readonly instructions: readonly (readonly TimedInstruction[])[];
}

export interface IterationFrontier {
  /** Ascending time, strictly descending energy. */
  readonly points: readonly IterationPoint[];
  /** The time past which waiting costs more than it saves: of the relaxation, or of the points where the last ends later. */
  readonly energy_optimal_time_s: number;
}
