import { z } from "zod";
import { fail } from "../base/diagnostics/diagnostic.js";
import { malformedFile } from "../base/diagnostics/plan.js";
import { parseJson } from "../base/json.js";
import { count, quantity } from "./shared.js";

const header = z.object({
  format: z.literal("kareus-steps"),
  version: z.literal(1),
  graph: z.string(),
  gpu: z.string(),
  ranks: z.int().positive(),
  /** Where energies come from: a simulated driver's are modelled. */
  source: z.enum(["measured", "modelled"]),
});

const block = z.object({
  /** The first step of the block. */
  first: count,
  steps: z.int().positive(),
  time_s: quantity,
  /** Of every rank's GPU; null: a GPU has no counter. */
  energy_j: z.number().nullable(),
  /** The file of the plan in force; null: the GPUs' own clocks. */
  plan: z.string().nullable(),
  point: count.nullable(),
});

/** What a few steps in a row took. */
export type StepBlock = z.infer<typeof block>;

/** What a running job writes down of its steps. */
export interface StepsFile extends z.infer<typeof header> {
  readonly blocks: readonly StepBlock[];
}

/** Reads steps.jsonl; a last line that is not whole yet is left out. Malformed: KRS4104. */
export function readSteps(text: string, where: string): StepsFile | null {
  const lines = text.split("\n").slice(0, -1);
  const [first, ...blocks] = lines;
  if (first === undefined) return null;
  const parse = <T>(schema: z.ZodType<T>, line: string, number: number): T => {
    const { data, error } = schema.safeParse(parseJson(line));
    return data ?? fail(malformedFile(where, `line ${number}`, error?.message ?? "malformed"));
  };
  return {
    ...parse(header, first, 1),
    blocks: blocks.map((line, index) => parse(block, line, index + 2)),
  };
}
