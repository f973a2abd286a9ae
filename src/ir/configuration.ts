import type { ExecutionModel, OptionKind } from "./partition.js";

/** Where a cost comes from. */
export type CostSource = "measured" | "interpolated" | "modelled" | "extrapolated";

/** One way to run a partition. */
export interface Configuration {
  readonly freq_mhz: number;
  /** The slot before which communication starts; null: after the last kernel (no overlap). */
  readonly launch_slot: string | null;
  /** SMs given to communication; 0 where there is none (or a copy engine does it). */
  readonly sms: number;
  /** The order in which the partition's slots run, by index; absent: as they are listed. */
  readonly order?: readonly number[];
}

/**
 * Time and total energy on one GPU (static energy included), and where they come from. Static power is
 * one constant per device; dynamic energy is total minus static power x time, everywhere. src/emit/
 * multiplies by the GPUs that share a stage.
 */
export interface Cost {
  readonly time_s: number;
  readonly energy_j: number;
  readonly source: CostSource;
  /** One standard deviation: spread of trials, error of an interpolation or of a correction. */
  readonly time_s_std?: number;
  readonly energy_j_std?: number;
}

/** A configuration of one partition type with its cost: what search yields and profiles record. */
export interface Evaluation extends Configuration, Cost {
  readonly partition: string;
}

/** One evaluation chosen for some uses of its partition. */
export interface ChosenUse {
  readonly evaluation: Evaluation;
  readonly layers: readonly number[];
  readonly nanobatch: 0 | 1 | null;
}

/** One way to run an instruction: a frequency, an execution model, a configuration per use. */
export interface InstructionOption {
  readonly freq_mhz: number;
  readonly execution: ExecutionModel;
  readonly time_s: number;
  /** Per GPU, static energy included. */
  readonly energy_j: number;
  /** What the CPU needs to launch it: it takes no less. Absent: nothing to speak of. */
  readonly launch_time_s?: number;
  /** Spells out the configurations; computed on demand because most options are never chosen. */
  readonly use: () => readonly ChosenUse[];
  /** Of an option that starts before its clock is reached: the old clock, and itself without that. */
  readonly switched?: { readonly from_mhz: number; readonly to: InstructionOption };
}

/** An option as it is without a switch of the clock before it. */
export function unswitched(option: InstructionOption): InstructionOption {
  return option.switched?.to ?? option;
}

/** The options of one instruction, ascending time. */
export interface InstructionFrontier {
  readonly stage: number;
  readonly chunk: number;
  readonly kind: OptionKind;
  readonly options: readonly InstructionOption[];
}

/** A configuration by its settings; plans state an order that is as listed as null. */
type Named = Omit<Configuration, "order"> & { readonly order?: readonly number[] | null };

/** A configuration of a partition as a key. */
export function nameOf(partition: string, { freq_mhz, launch_slot, sms, order }: Named): string {
  return JSON.stringify([partition, freq_mhz, launch_slot, sms, order ?? null]);
}
