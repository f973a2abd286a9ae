import { availableParallelism } from "node:os";
import { z } from "zod";
import { CONTROLS, PRECISIONS } from "./ir/choices.js";
import { GROUPS } from "./ir/groups.js";
import { JOB } from "./ir/job.js";

/*
 * What a run is told, by topic; each phase gets the topic that it needs. A new option is a line of its
 * topic here (a job's in ir/job.ts) and a flag under the same name in cli/options.ts.
 */

const quantity = z.number().nonnegative();

/** Which graph, and how it is read. */
const GRAPH = z.strictObject({
  file: z.string(),
  /** Sizes of symbolic dimensions. */
  bind: z.map(z.string(), z.int().nonnegative()).readonly(),
  /** How many elements data-dependent operators find, by the name of node or output. */
  expect: z.map(z.string(), z.int().nonnegative()).readonly(),
  /** The training precision; null: as exported. */
  dtype: z.enum(PRECISIONS).nullable(),
  /** Patterns of the parameters that are not trained. */
  freeze: z.array(z.string()).readonly(),
  /** What the groups of the graph's collectives are, by their names there. */
  group: z.map(z.string(), z.enum(GROUPS)).readonly(),
  /** Whether operators without a known cost are errors. */
  strict: z.boolean(),
});

/** What the job runs on, and what is known of it. */
const HARDWARE = z.strictObject({
  /** A device's name or file. */
  gpu: z.string(),
  /** Files and folders of recorded costs. */
  profile: z.array(z.string()).readonly(),
  /** Of one GPU; null: the device's. */
  static_power_w: quantity.nullable(),
  /** What the CPU needs for a launch; null: what the execution is known for. */
  launch_us: quantity.nullable(),
  /** Between a kernel's end and the next one's start; null: the device's. */
  gap_us: quantity.nullable(),
  /** Of each crossing between stages. */
  transfer_s: quantity,
  /** Of a change of the clock; null: the device's. */
  switch_time_s: quantity.nullable(),
  /** Of one GPU, lower than the board's; null: the board's. */
  power_limit_w: quantity.nullable(),
});

/** How long and how widely is searched. */
const SEARCH = z.strictObject({
  /** Evaluations for each partition type where an evaluation is a measurement. */
  budget: z.int().positive(),
  /** What the job can follow. */
  control: z.enum(CONTROLS),
  /** Whether to plan what needs more memory than a GPU has. */
  allow_oversize: z.boolean(),
  /** A profile that stands for the GPU: every evaluation is a measurement that it answers. */
  replay: z.string().nullable(),
  /** Of the frontier, at most. */
  points: z.int().positive(),
  seed: z.int().nonnegative(),
  /** Null: one for each core. */
  threads: z
    .int()
    .positive()
    .nullable()
    .transform((threads) => threads ?? availableParallelism()),
});

/** What is shown on the way. */
const OUTPUT = z.strictObject({
  /** The pass after which the graph is printed, or `EVERY_PASS`. */
  print_ir: z.string().nullable(),
});

const LOWERING = z.strictObject({ graph: GRAPH, job: JOB, hardware: HARDWARE, output: OUTPUT });

const SEARCHING = LOWERING.extend({ search: SEARCH });

/** What lowering a graph needs to know. */
export type LoweringOptions = Readonly<z.infer<typeof LOWERING>>;

/** What `optimize` needs to know. */
export type SearchingOptions = Readonly<z.infer<typeof SEARCHING>>;

/** A schema's input, its graph's file apart: what flags say. */
type Said<Schema extends typeof LOWERING> = Omit<z.input<Schema>, "graph"> & {
  readonly graph: Omit<z.input<typeof GRAPH>, "file">;
};

/** The options of validated flags, what depends on other flags or on the machine filled in. */
export function loweringOptions(file: string, said: Said<typeof LOWERING>): LoweringOptions {
  return LOWERING.parse({ ...said, graph: { ...said.graph, file } });
}

/** Those of `optimize`. */
export function searchingOptions(file: string, said: Said<typeof SEARCHING>): SearchingOptions {
  return SEARCHING.parse({ ...said, graph: { ...said.graph, file } });
}
