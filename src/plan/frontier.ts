import { z } from "zod";
import { duration, scaled } from "../base/units.js";
import { CONTROLS, EXECUTIONS } from "../ir/choices.js";
import { switchTime } from "../ir/switch-time.js";
import { type Format, readFormat, writeFormat } from "./format.js";
import { gpusPerReplica } from "./gpus.js";
import {
  beyondGpus,
  count,
  type ExpectedError,
  expectedError,
  graphReference,
  measuredWorkload,
  parallelism,
  quantity,
  told,
} from "./shared.js";

/** Energies count every GPU of one data-parallel replica. */
const point = z.object({
  id: count,
  time_s: quantity,
  energy_j: quantity,
  /** Proven minimum of the continuous relaxation at `time_s`. */
  lower_bound_j: quantity,
  /** `energy_j / time_s`. */
  average_power_w: quantity,
  /** How far off it may be; absent where nothing is known of that. */
  expected_error: expectedError.exactOptional(),
  /** Path of the plan, from the frontier file's folder; it does not lead out of it. */
  plan: z.string().regex(/^([\w-][\w.-]*\/)*[\w-][\w.-]*$/, "not a path below this folder"),
});

const reached = z.array(z.object({ time_s: quantity, energy_j: quantity }));

const baseline = z.object({
  name: z.enum(["sequential-max-clock", "sequential-frequency", "nanobatch-frequency"]),
  points: reached,
  /** What its plans draw at their peak at least, where none keeps the run's `peak_power_w`: its points do not. */
  least_peak_power_w: quantity.exactOptional(),
});

/** A whole iteration under an execution, sequential at the highest clock. */
export const execution = z.object({
  name: z.enum(EXECUTIONS),
  time_s: quantity,
  energy_j: quantity,
});

const partitionSearch = z.object({
  partition: z.string(),
  /** Configurations that there are, and how many evaluations were spent on them. */
  space: count,
  evaluated: count,
  /** Nothing left to spend, nothing left to gain, or everything evaluated. */
  stop: z.enum(["budget", "converged", "exhausted"]),
});

const profileCounts = z.object({
  id: z.string(),
  records: count,
  used: count,
  /** A record may serve for several things. */
  for: z.array(z.object({ what: z.string(), records: count })),
  unused: z.array(z.object({ reason: z.string(), records: count })),
});

const frontier = z.object({
  format: z.literal("kareus-frontier"),
  version: z.literal(1),
  graph: graphReference,
  gpu: z.string(),
  seed: z.int(),
  /** Per GPU. */
  static_power_w: quantity,
  /** How long a result is on its way to another stage; absent: no time. */
  transfer_s: quantity.optional(),
  /** How long a change of the clock takes, by the clock that it goes to where that matters; absent: no time. */
  switch_time_s: switchTime.optional(),
  parallelism,
  /** What else decides what is planned; absent: an older file does not say. */
  told: told.exactOptional(),
  /** What the run was told of power beside the GPUs, which no energy in this file holds. */
  beyond_gpus: beyondGpus.exactOptional(),
  /** What the GPUs of a replica draw together at most at any moment; absent: no such limit was asked for. */
  peak_power_w: quantity.exactOptional(),
  /** How many evaluated configurations each source answered. */
  costs: z.object({
    measured: count,
    interpolated: count,
    modelled: count,
    extrapolated: count,
    /** What came of the records of each profile: `used` and those of `unused` are all of them. */
    profiles: z.array(profileCounts),
  }),
  /** Relative errors to expect of modelled times and energies; absent where nothing is known. */
  expected_error: expectedError.exactOptional(),
  /** Of what kind of workload that is; absent: an older file does not say. */
  workload: measuredWorkload.exactOptional(),
  /** How the search of each partition type went. */
  search: z.array(partitionSearch).optional(),
  energy_optimal_time_s: quantity,
  /** Peak memory of one GPU of each stage, estimated. */
  peak_memory_bytes: z.array(quantity).optional(),
  baselines: z.array(baseline),
  /** What the job can follow; absent: everything. */
  control: z.enum(CONTROLS).exactOptional(),
  /** What it would reach if it followed everything; absent: it does, or that is not known. */
  full_control: reached.exactOptional(),
  /** What the first baseline takes under each execution, as modelled or measured; absent: not known. */
  executions: z.array(execution).exactOptional(),
  points: z.array(point).superRefine(checkOrder),
});

/** frontier.json: what one run found, against the three baselines. */
export type FrontierFile = z.infer<typeof frontier>;
/** What of it says what is planned, however well it is searched. */
export type Planned = Pick<
  FrontierFile,
  | "graph"
  | "gpu"
  | "static_power_w"
  | "transfer_s"
  | "switch_time_s"
  | "parallelism"
  | "told"
  | "peak_power_w"
  | "control"
>;
export type FrontierPoint = FrontierFile["points"][number];
export type Baseline = FrontierFile["baselines"][number];
export type Execution = z.infer<typeof execution>;
export type CostCounts = FrontierFile["costs"];
export type PartitionSearchOutcome = z.infer<typeof partitionSearch>;

/** The format of frontier.json. */
export const FRONTIER_FORMAT: Format<FrontierFile> = {
  name: "kareus-frontier",
  version: 1,
  schema: frontier,
};

/** Points ascend in time and strictly descend in energy; ids are their own. */
function checkOrder(points: readonly z.infer<typeof point>[], context: z.RefinementCtx): void {
  const ids = new Set<number>();
  points.forEach((current, index) => {
    const previous = points[index - 1];
    if (previous && !(current.time_s > previous.time_s && current.energy_j < previous.energy_j)) {
      const message = "points must ascend in time_s and strictly descend in energy_j";
      context.addIssue({ code: "custom", path: [index], message });
    }
    if (ids.has(current.id)) {
      context.addIssue({ code: "custom", path: [index, "id"], message: "this id is not unique" });
    }
    ids.add(current.id);
  });
}

/** Reads frontier.json; throws DiagnosticError (KRS410x) naming file and place. */
export function readFrontier(text: string, where: string): FrontierFile {
  return readFormat(FRONTIER_FORMAT, text, where);
}

/** The canonical bytes of a frontier file. */
export function writeFrontier(file: FrontierFile): string {
  return writeFormat(FRONTIER_FORMAT, file);
}

/** `4% in time, 3% in energy`. */
export function describeError({ time, energy }: ExpectedError): string {
  const percent = (share: number) => `${Number((100 * share).toPrecision(2))}%`;
  return `${percent(time)} in time, ${percent(energy)} in energy`;
}

/** A point in the units that the flags of `select` take, digits enough for them to find it again. */
export function exactPoint({ id, time_s, energy_j, average_power_w }: FrontierPoint): string {
  const round = (value: number) => String(Number(value.toPrecision(6)));
  return `point ${id}: ${round(time_s)} s, ${round(energy_j)} J, ${round(average_power_w)} W`;
}

/** A point in words: `point 3: 142.8 ms, 44.39 J, 310.8 W on average`. */
export function describePoint({ id, time_s, energy_j, average_power_w }: FrontierPoint): string {
  return `point ${id}: ${duration(time_s)}, ${scaled(energy_j, "J")}, ${scaled(average_power_w, "W")} on average`;
}

/** Static power in W of every GPU of one replica. */
export function replicaStaticPower({ static_power_w, parallelism }: FrontierFile): number {
  return static_power_w * gpusPerReplica(parallelism);
}
