import { z } from "zod";
import { type CollectiveSetting, ncclCollective } from "./collectives.js";
import { elementType, type OperatorCall, shapeOf } from "./operators.js";

/* Events of Chrome traces as PyTorch's profiler (Kineto) writes them, one by one. */

const id = z.union([z.int(), z.string()]);
const timed = {
  ph: z.literal("X"),
  name: z.string(),
  /** Since the epoch at most, for a century; a week. */
  ts: z.number().min(-1e16).max(1e16),
  dur: z.number().nonnegative().max(6.048e11),
};

/** What ran on the host. */
export const hostEvent = z.object({ ...timed, pid: id, tid: id });

/** A call of an operator, with what it was given. */
export const operatorEvent = z.object({
  ...hostEvent.shape,
  args: z
    .object({
      "Input Dims": z.array(z.unknown()).optional(),
      "Input type": z.array(z.string()).optional(),
      "Input Types": z.array(z.string()).optional(),
      "Concrete Inputs": z.array(z.unknown()).optional(),
    })
    .optional(),
});

/** A call of the runtime that started something. */
export const launchEvent = z.object({
  ...hostEvent.shape,
  args: z.object({ correlation: z.int() }),
});

/** What ran on the GPU; of a collective what it moved. */
export const deviceEvent = z.object({
  ...timed,
  args: z.object({
    device: id.optional(),
    stream: id.optional(),
    correlation: z.int().optional(),
    "graph node id": z.int().optional(),
    grid: z.array(z.int()).optional(),
    "Collective name": z.string().optional(),
    "In msg nelems": z.int().optional(),
    "Out msg nelems": z.int().optional(),
    "Group size": z.int().optional(),
    dtype: z.string().optional(),
  }),
});

/** Told without a schema, which takes ten times as long to refuse what is none. */
export function isEvent(item: unknown): item is { readonly ph: string; readonly cat?: unknown } {
  return typeof item === "object" && item !== null && "ph" in item && typeof item.ph === "string";
}

type Kept = "operator" | "launch" | "kernel" | "copy";

/** What is kept of a trace, by category. */
export const KEPT: ReadonlyMap<string, Kept> = new Map([
  ["cpu_op", "operator"],
  ["Operator", "operator"],
  ["cuda_runtime", "launch"],
  ["cuda_driver", "launch"],
  ["Runtime", "launch"],
  ["kernel", "kernel"],
  ["Kernel", "kernel"],
  ["gpu_memcpy", "copy"],
  ["gpu_memset", "copy"],
]);

/** The boards of a trace. */
export const deviceProperties = z.array(
  z.object({
    id: id.optional(),
    name: z.string(),
    numSms: z.int().positive().optional().catch(undefined),
    totalGlobalMem: z.number().positive().optional().catch(undefined),
  }),
);

/** The groups of a trace, by name. */
export const distributedInfo = z.object({
  pg_config: z.array(z.object({ pg_name: z.string(), pg_size: z.int().positive() })),
});

/** What a run on the GPU is by itself; of a collective what it does, or why that cannot be told. */
export type RunKind =
  | { readonly is: "kernel" | "graph kernel" | "copy" }
  | { readonly is: "collective"; readonly does: CollectiveSetting | string };

/** What an event of the GPU is. */
export function kindOf(
  name: string,
  args: z.output<typeof deviceEvent>["args"],
  duration_us: number,
  kept: "kernel" | "copy",
): RunKind {
  if (args["Collective name"] !== undefined || /nccl/i.test(name)) {
    return {
      is: "collective",
      does: duration_us === 0 ? "collective without a duration" : ncclCollective(args),
    };
  }
  return { is: kept === "kernel" && args["graph node id"] ? "graph kernel" : kept };
}

/** The call that an event of an operator tells of. */
export function callOf({ name, args }: z.output<typeof operatorEvent>): OperatorCall {
  return {
    name,
    shapes: (args?.["Input Dims"] ?? []).map(shapeOf),
    types: (args?.["Input type"] ?? args?.["Input Types"] ?? []).map(elementType),
    values: args?.["Concrete Inputs"] ?? [],
  };
}
