import { z } from "zod";
import { switchTime } from "../ir/switch-time.js";
import { type Format, readFormat, writeFormat } from "./format.js";
import { degree, pipelineName, quantity } from "./shared.js";

const option = z.object({
  time_s: quantity,
  /** Static energy included. */
  energy_j: quantity,
  /** Needed where clock switches take time. */
  freq_mhz: quantity.optional(),
});

const options = z.array(option).min(1);

/** What one stage runs of one chunk; each pipeline needs its own kinds. */
const cell = z.object({
  forward: options,
  backward: options.optional(),
  /** Of a pipeline that splits the backward. */
  input_gradient: options.optional(),
  weight_gradient: options.optional(),
  /** Of the last microbatch, where it has others: gradients may be summed beside it. */
  last_backward: options.optional(),
  last_weight_gradient: options.optional(),
});

const instance = z.object({
  format: z.literal("kareus-instance"),
  version: z.literal(1),
  name: z.string(),
  stages: degree,
  microbatches: degree,
  pipeline: pipelineName,
  /** Of one GPU; every stage is one. */
  static_power_w: quantity,
  /** Of each crossing between stages, in both directions. */
  transfer_s: quantity.optional(),
  /**
   * How long the clock takes to change, by the clock that it goes to where that matters: until then an instruction runs as it would at the clock of
   * the one before it on its stage (before a stage's first: its last), by its fastest option there
   * or at the nearest clock that it has. An instruction shorter than ten times (the longest of) this shares the clock
   * of those beside it.
   */
  switch_time_s: switchTime.optional(),
  /** By chunk x stages + stage. */
  options: z.array(cell).min(1),
  /** By stage: what it runs once, after its last instruction. */
  tail: z.array(options).optional(),
});

/** An instance: the pipeline problem alone. */
export type InstanceFile = z.infer<typeof instance>;
export type InstanceCell = InstanceFile["options"][number];
export type InstanceOption = InstanceCell["forward"][number];

/** The format of an instance. */
export const INSTANCE_FORMAT: Format<InstanceFile> = {
  name: "kareus-instance",
  version: 1,
  schema: instance,
};

/** Reads an instance; throws DiagnosticError (KRS410x) naming file and place. */
export function readInstance(text: string, where: string): InstanceFile {
  return readFormat(INSTANCE_FORMAT, text, where);
}

/** The canonical bytes of an instance. */
export function writeInstance(file: InstanceFile): string {
  return writeFormat(INSTANCE_FORMAT, file);
}
