/**
 * What the page's script draws from: plain data, as compact as it may be while each name still tells
 * what it is. Times from the start of an iteration or of a partition; energies of one GPU unless a
 * point's, which count every GPU of one replica.
 */

export interface ReportPoint {
  readonly id: number;
  readonly time_s: number;
  readonly energy_j: number;
  readonly lower_bound_j: number;
  readonly average_power_w: number;
  readonly plan: string;
}

/** A frontier to compare with. */
interface ReportLine {
  readonly label: string;
  readonly points: readonly { readonly time_s: number; readonly energy_j: number }[];
}

interface ReportBaseline extends ReportLine {
  /** Its fastest plan; null: details.json does not hold it. */
  readonly fastest: DrawnBaseline | null;
}

/** A plan of a baseline, drawn beside ours. */
export interface DrawnBaseline {
  readonly time_s: number;
  readonly lanes: readonly (readonly LaneInstruction[])[];
  readonly plan: DrawnPlan;
  readonly causes: DrawnCauses | null;
}

/** What time (of all stages, one GPU each) and energy (of a replica) go to, in the order shown. */
export interface DrawnCauses {
  readonly parts: readonly {
    readonly cause: string;
    readonly time_s: number;
    readonly energy_j: number;
  }[];
  readonly time_s: number;
  readonly energy_j: number;
}

/** An instruction of a stage; the same in every plan, only when and how it runs differs. */
export type LaneInstruction = readonly [kind: string, microbatch: number | null, chunk: number];

/** One way to run an instruction; most microbatches of a stage share a few. */
export interface DrawnOption {
  readonly freq_mhz: number;
  readonly execution: string;
  readonly time_s: number;
  readonly energy_j: number;
  readonly switch_from_mhz: number | null;
  /** The configuration that takes most of it; null: it runs nothing that is known. */
  readonly longest: number | null;
}

/** One plan, drawn: instructions by stage, as `lanes` lists them. */
export interface DrawnPlan {
  readonly options: readonly DrawnOption[];
  /** The option of each instruction. */
  readonly choice: readonly (readonly number[])[];
  /** How long the stage idles before each instruction. */
  readonly wait_s: readonly (readonly number[])[];
  /** The instructions, by index, of one longest way through the iteration. */
  readonly critical: readonly (readonly number[])[];
  /** The most and the least that a replica draws. */
  readonly peak_power_w: number;
  readonly lowest_power_w: number;
  /** What it runs: index into `configurations`, and how often on one GPU in one iteration. */
  readonly knobs: readonly (readonly [configuration: number, runs: number])[];
}

/** A configuration of a partition at a clock, as plans use it. */
export interface DrawnConfiguration {
  /** Index into `partitions`. */
  readonly partition: number;
  readonly freq_mhz: number;
  readonly launch_slot: string | null;
  readonly sms: number;
  readonly order: readonly number[] | null;
  /** Null: neither its plan nor the measurements tell it. */
  readonly cost: {
    readonly time_s: number;
    readonly energy_j: number;
    readonly source: string;
    /** What the time is made of, as plans have it; null: the plan is an older one. */
    readonly parts: {
      readonly compute_s: number;
      readonly contention_s: number;
      readonly exposed_communication_s: number;
      readonly throttling_s: number;
    } | null;
  } | null;
  /** What happens inside, as the model plays it; null: not known. */
  readonly run: DrawnRun | null;
}

export interface DrawnRun {
  readonly clock_mhz: number;
  readonly time_s: number;
  readonly energy_j: number;
  readonly bandwidth_bytes_per_s: number;
  /** As details.json has them. */
  readonly pieces: readonly (readonly [
    end_s: number,
    kernel: number | null,
    communication: number | null,
    moving: boolean,
    bytes_per_s: number,
    power_w: number,
  ])[];
}

/** Evaluations of a partition type, as columns. */
export interface Cloud {
  readonly evaluated: number;
  readonly time_s: readonly number[];
  /** Above static power. */
  readonly dynamic_j: readonly number[];
  readonly freq_mhz: readonly number[];
  /** Index into the partition's slots; -1: after the last kernel. */
  readonly slot: readonly number[];
  readonly sms: readonly number[];
  /** Those that no other beats in time and dynamic energy, fastest first. */
  readonly frontier: readonly number[];
}

export interface DrawnPartition {
  readonly key: string;
  /** What it is, in words. */
  readonly name: string;
  readonly direction: string;
  readonly slots: readonly { readonly name: string; readonly node: string }[];
  /** What its stream runs, in order. */
  readonly communications: readonly { readonly kind: string; readonly size_bytes: number }[];
  /** Empty where details.json is missing. */
  readonly kernels: readonly { readonly slot: number | null; readonly shape: string }[];
  /** Null: the folder holds no measurements of it. */
  readonly cloud: Cloud | null;
}

export interface ReportData {
  /** What the line of its points is called. */
  readonly label: string;
  /** The run's folder, where the page lies elsewhere; null: it lies in it. */
  readonly folder: string | null;
  readonly points: readonly ReportPoint[];
  /** The point that is shown first, by index. */
  readonly knee: number;
  /** The point to recommend, by index. */
  readonly advised: number;
  /** By point; null: its plan is missing, or does not say what its runs cost. */
  readonly causes: readonly (DrawnCauses | null)[];
  /** By point: plan.json, gzipped, in base64; null: left out to keep the page small. */
  readonly saved: readonly (string | null)[];
  /** Other runs on the same page. */
  readonly others: readonly ReportLine[];
  /** The baseline that advice compares with, at its fastest; null: there is none. */
  readonly rival: {
    readonly words: string;
    readonly point: { readonly time_s: number; readonly energy_j: number };
  } | null;
  /** GPUs that run each stage. */
  readonly gpus_per_stage: number;
  /** Data-parallel replicas. */
  readonly replicas: number;
  /** Of one GPU, by stage; empty: not known. */
  readonly peak_memory_bytes: readonly number[];
  readonly baselines: readonly ReportBaseline[];
  readonly static_power_w: number;
  /** Null where details.json is missing. */
  readonly sm_count: number | null;
  /** Every clock that something was evaluated or planned at, ascending. */
  readonly clocks_mhz: readonly number[];
  readonly lanes: readonly (readonly LaneInstruction[])[];
  /** By point; null: the folder holds no plan of it, or it is left out to keep the page small. */
  readonly plans: readonly (DrawnPlan | null)[];
  /** Points, by index, whose plans are left out. */
  readonly left_out: readonly number[];
  readonly configurations: readonly DrawnConfiguration[];
  readonly partitions: readonly DrawnPartition[];
}
