import { z } from "zod";
import { compacted, type Format, readFormat } from "./format.js";
import { PLAN_FORMAT } from "./plan.js";
import { partitionWork } from "./plan-schema.js";
import { count, graphReference, quantity } from "./shared.js";

const kernel = partitionWork.shape.kernels.element.extend({
  /** What it is: `matmul 4096 x 3072 x 8192`. */
  shape: z.string(),
  flops: quantity,
  /** What it moves through device memory. */
  size_bytes: quantity,
});

/** From the end of the piece before: six significant digits are kept. */
const piece = z.tuple([
  /** `end_s`, from the start of the partition. */
  quantity,
  /** The kernel that runs, by index; null: none, it is being launched or all are done. */
  count.nullable(),
  /** Which communication is there: 0 the partition's, from 1 on what is queued; null: none. */
  count.nullable(),
  /** Whether that moves data yet; waiting for its first byte it holds its SMs. */
  z.boolean(),
  /** Device memory traffic, `bytes_per_s`. */
  quantity,
  /** `power_w` of one GPU. */
  quantity,
]);

const run = z.object({
  freq_mhz: quantity,
  launch_slot: z.string().nullable(),
  /** SMs that communication holds while it is there. */
  sms: count,
  /** The order in which the partition's slots run, by index; null: as it lists them. */
  order: z.array(count).nullable(),
  /** What the power cap leaves of `freq_mhz`. */
  clock_mhz: quantity,
  /** As the model plays it; the cost of a plan may follow measurements instead. */
  time_s: quantity,
  energy_j: quantity,
  /** What device memory gives at most. */
  bandwidth_bytes_per_s: quantity,
  pieces: z.array(piece),
});

const partition = partitionWork.extend({
  kernels: z.array(kernel),
  free_order: z.array(z.tuple([count, count])).optional(),
  /** One for each configuration and clock that a plan uses. */
  runs: z.array(run),
});

const constant = z.object({
  /** Its place in the device file: `gemm.k_half`. */
  name: z.string(),
  /** As the file writes it. */
  value: z.string(),
  source: z.string(),
  /** How far off it is known to be. */
  residual: z.string().optional(),
});

const details = z.object({
  format: z.literal("kareus-details"),
  version: z.literal(1),
  graph: graphReference,
  gpu: z.string(),
  /** What `optimize` was told, graph first, as it was written; absent in older files. */
  arguments: z.array(z.string()).exactOptional(),
  sm_count: count,
  /** What the model rests on. */
  constants: z.array(constant),
  partitions: z.array(partition),
  /** The fastest plan of each baseline, to be compared with; absent in older files. */
  baselines: z.array(z.object({ name: z.string(), plan: PLAN_FORMAT.schema })).optional(),
});

/** details.json: what the report draws beyond the frontier, its plans and the measurements. */
export type DetailsFile = z.infer<typeof details>;

/** The format of details.json. */
export const DETAILS_FORMAT: Format<DetailsFile> = {
  name: "kareus-details",
  version: 1,
  schema: details,
};

/** Reads details.json; throws DiagnosticError (KRS410x) naming file and place. */
export function readDetails(text: string, where: string): DetailsFile {
  return readFormat(DETAILS_FORMAT, text, where);
}

/** The canonical bytes of a details file; like plans, large and not checked. */
export function writeDetails(file: DetailsFile): string {
  return compacted(file);
}
