import { z } from "zod";
import { type Format, readFormat, writeFormat } from "./format.js";
import { count, expectedError, graphReference, parallelism, quantity } from "./shared.js";

const partition = z.object({
  /** `<direction>.<12 hex>`. */
  key: z.string(),
  direction: z.enum(["forward", "backward"]),
  /** Where communication may be launched: before the slot's first kernel. */
  slots: z.array(z.object({ name: z.string(), nodes: z.array(z.string()) })),
  communication: z.object({ kind: z.string(), size_bytes: quantity, group: z.string() }).nullable(),
});

const configuration = z.object({
  id: count,
  partition: z.string(),
  /** Null: communication starts after the last kernel. */
  launch_slot: z.string().nullable(),
  /** SMs given to communication. */
  sms: count,
  /** The order in which the partition's slots run, by index; null: as it lists them. */
  order: z.array(count).nullable(),
});

const use = z.object({
  /** An id of `configurations`. */
  configuration: count,
  /** Global layer indices, once per run; empty: once, outside the layers. */
  layers: z.array(count),
  nanobatch: z.union([z.literal(0), z.literal(1), z.null()]),
});

const instruction = z.object({
  kind: z.enum(["forward", "backward", "input_gradient", "weight_gradient", "tail"]),
  /** Null for the tail. */
  microbatch: count.nullable(),
  chunk: count,
  freq_mhz: quantity,
  /** Where the clock changes: the one before. Time and energy count what it runs at that. */
  switch_from_mhz: quantity.optional(),
  execution: z.enum(["nanobatched", "sequential"]),
  use: z.array(use),
  start_s: quantity,
  time_s: quantity,
  /** Of one GPU, static energy included. */
  energy_j: quantity,
});

const plan = z
  .object({
    format: z.literal("kareus-plan"),
    version: z.literal(1),
    graph: graphReference,
    gpu: z.object({ name: z.string(), sm_count: count, clocks_mhz: z.array(quantity) }),
    parallelism,
    /** Per GPU: with it the instructions add up to `point`. */
    static_power_w: quantity,
    /** How long a result is on its way to another stage; absent: no time. */
    transfer_s: quantity.optional(),
    /** Energy counts every GPU of one data-parallel replica. */
    point: z.object({ id: count, time_s: quantity, energy_j: quantity }),
    /** How far off the point may be; absent where nothing is known of that. */
    expected_error: expectedError.exactOptional(),
    partitions: z.array(partition),
    configurations: z.array(configuration),
    stages: z.array(z.object({ stage: count, instructions: z.array(instruction) })),
  })
  .superRefine(checkReferences);

/** plan.json: one point, spelled out for a runtime. */
export type PlanFile = z.infer<typeof plan>;
export type PlanInstruction = z.infer<typeof instruction>;

/** The format of plan.json. */
export const PLAN_FORMAT: Format<PlanFile> = { name: "kareus-plan", version: 1, schema: plan };

interface References {
  readonly partitions: readonly z.infer<typeof partition>[];
  readonly configurations: readonly z.infer<typeof configuration>[];
  readonly stages: readonly { readonly instructions: readonly PlanInstruction[] }[];
}

/** Everything named must be there: partitions, their slots, configurations. */
function checkReferences(file: References, context: z.RefinementCtx): void {
  const issue = (path: PropertyKey[], message: string) =>
    context.addIssue({ code: "custom", path, message });
  const partitions = new Map(file.partitions.map((entry) => [entry.key, entry]));
  file.configurations.forEach((entry, index) => {
    const home = partitions.get(entry.partition);
    const at = (key: string) => ["configurations", index, key];
    if (home === undefined) issue(at("partition"), "no partition has this key");
    else if (
      entry.launch_slot !== null &&
      !home.slots.some((slot) => slot.name === entry.launch_slot)
    ) {
      issue(at("launch_slot"), "the partition has no slot of this name");
    } else if (entry.order !== null && !isPermutation(entry.order, home.slots.length)) {
      issue(at("order"), "not every slot of the partition, once each");
    }
  });
  const ids = new Set(file.configurations.map((entry) => entry.id));
  file.stages.forEach(({ instructions }, stage) => {
    instructions.forEach((entry, index) => {
      entry.use.forEach(({ configuration: id }, position) => {
        if (ids.has(id)) return;
        const path = ["stages", stage, "instructions", index, "use", position, "configuration"];
        issue(path, "no configuration has this id");
      });
    });
  });
}

function isPermutation(order: readonly number[], length: number): boolean {
  return order.length === length && new Set(order).size === length && Math.max(...order) < length;
}

/** Reads plan.json; throws DiagnosticError (KRS410x) naming file and place. */
export function readPlan(text: string, where: string): PlanFile {
  return readFormat(PLAN_FORMAT, text, where);
}

/** The canonical bytes of a plan file. */
export function writePlan(file: PlanFile): string {
  return writeFormat(PLAN_FORMAT, file);
}
