import { fail } from "../base/diagnostics/diagnostic.js";
import {
  deadlockedPipeline,
  emptyPipeline,
  instructionWithoutOptions,
  notAQuantity,
} from "../base/diagnostics/plan.js";
import type { InstructionOption } from "../ir/configuration.js";
import type { PipelineInstruction, PipelineProblem } from "../ir/iteration.js";
import { lowerHullIndices, paretoIndices } from "../math/pareto.js";
import { dataDependencies } from "./schedules/dependencies.js";

/** What instructions of one stage and kind choose from: non-dominated in (time, dynamic energy). */
export interface OptionSet {
  readonly options: readonly InstructionOption[];
  /** Ascending. */
  readonly time_s: Float64Array;
  /** Strictly descending. */
  readonly dynamic_j: Float64Array;
  /** Indices of the lower convex hull's vertices. */
  readonly hull: readonly number[];
}

/**
 * The pipeline as a graph of instructions, numbered stage after stage, each in its order. Where a
 * link leads to no instruction it holds their number, one past the last.
 */
export interface Network {
  readonly stages: number;
  readonly static_power_w: number;
  readonly instructions: readonly PipelineInstruction[];
  readonly sets: readonly OptionSet[];
  /** The instruction before on the same stage. */
  readonly stageBefore: Int32Array;
  /** The instruction, mostly of another stage, whose result is awaited. */
  readonly dataBefore: Int32Array;
  readonly stageAfter: Int32Array;
  /** The reverse of `dataBefore`: at most one instruction awaits each result. */
  readonly dataAfter: Int32Array;
  /** An order in which every instruction comes after all that it waits for. */
  readonly topological: Int32Array;
}

/** Checks a problem and lays it out as a graph. Fails with KRS40xx where it makes no sense. */
export function networkOf(problem: PipelineProblem): Network {
  const { stages, static_power_w, order } = problem;
  const instructions = order.flat();
  if (stages < 1 || problem.microbatches < 1) fail(emptyPipeline("the pipeline"));
  if (instructions.length === 0) fail(emptyPipeline("the pipeline"));
  checkQuantity("the pipeline", "static_power_w", static_power_w);

  const known = new Map<string, OptionSet>();
  const sets = instructions.map(({ stage, kind }) => {
    const key = `${stage} ${kind}`;
    const set = known.get(key) ?? optionSet(problem, stage, kind);
    known.set(key, set);
    return set;
  });
  const stageBefore = stageLinks(order);
  const dataBefore = dataDependencies(order);
  const stageAfter = reversed(stageBefore);
  const dataAfter = reversed(dataBefore);
  const links = { stageBefore, dataBefore, stageAfter, dataAfter };
  const topological = topologicalOrder(instructions, links);
  return { stages, static_power_w, instructions, sets, ...links, topological };
}

function optionSet(
  problem: PipelineProblem,
  stage: number,
  kind: PipelineInstruction["kind"],
): OptionSet {
  const all = problem.options[stage]?.[kind] ?? [];
  if (all.length === 0) fail(instructionWithoutOptions(stage, kind));
  all.forEach(({ time_s, energy_j }, i) => {
    const where = `stage ${stage} ${kind} option ${i}`;
    checkQuantity(where, "time_s", time_s);
    checkQuantity(where, "energy_j", energy_j);
  });
  const times = all.map((option) => option.time_s);
  const dynamic = all.map((option) => option.energy_j - problem.static_power_w * option.time_s);
  const kept = paretoIndices(times, dynamic);
  const time_s = Float64Array.from(kept, (i) => times[i] ?? 0);
  const dynamic_j = Float64Array.from(kept, (i) => dynamic[i] ?? 0);
  const options = kept.flatMap((i) => all[i] ?? []);
  return { options, time_s, dynamic_j, hull: lowerHullIndices(time_s, dynamic_j) };
}

function checkQuantity(where: string, quantity: string, value: number): void {
  if (!Number.isFinite(value) || value < 0) fail(notAQuantity(where, quantity, value));
}

function stageLinks(order: PipelineProblem["order"]): Int32Array {
  const none = order.reduce((count, { length }) => count + length, 0);
  const before = new Int32Array(none).fill(none);
  let first = 0;
  for (const { length } of order) {
    for (let i = first + 1; i < first + length; i++) before[i] = i - 1;
    first += length;
  }
  return before;
}

function reversed(before: Int32Array): Int32Array {
  const none = before.length;
  const after = new Int32Array(none).fill(none);
  before.forEach((b, i) => {
    if (b < none) after[b] = i;
  });
  return after;
}

type Links = Pick<Network, "stageBefore" | "dataBefore" | "stageAfter" | "dataAfter">;

function topologicalOrder(
  instructions: readonly PipelineInstruction[],
  { stageBefore, dataBefore, stageAfter, dataAfter }: Links,
): Int32Array {
  const none = instructions.length;
  const waiting = new Int32Array(none);
  const order = new Int32Array(none);
  let ready = 0;
  for (let i = 0; i < none; i++) {
    waiting[i] = Number(stageBefore[i] !== none) + Number(dataBefore[i] !== none);
    if (waiting[i] === 0) order[ready++] = i;
  }
  for (let k = 0; k < ready; k++) {
    const i = order[k] ?? none;
    for (const links of [stageAfter, dataAfter]) {
      const after = links[i] ?? none;
      if (after === none) continue;
      const left = (waiting[after] ?? 0) - 1;
      waiting[after] = left;
      if (left === 0) order[ready++] = after;
    }
  }
  const stuck = instructions.find((_, i) => (waiting[i] ?? 0) > 0);
  if (stuck !== undefined) fail(deadlockedPipeline(stuck.stage, stuck.kind));
  return order;
}
