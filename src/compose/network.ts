import { fail } from "../base/diagnostics/diagnostic.js";
import {
  deadlockedPipeline,
  emptyPipeline,
  instructionWithoutOptions,
  notAQuantity,
} from "../base/diagnostics/plan.js";
import { at, hot, hotInt } from "../base/need.js";
import type { InstructionOption } from "../ir/configuration.js";
import {
  optionsOf,
  type PipelineInstruction,
  type PipelineOrder,
  type PipelineProblem,
} from "../ir/iteration.js";
import type { Placement } from "../ir/placement.js";
import { longestSwitch } from "../ir/switch-time.js";
import { lowerHullIndices, paretoIndices } from "../math/pareto.js";
import { type Links, type PlacedLinks, placedLinks } from "./placed-links.js";
import { dataDependencies } from "./schedules/dependencies.js";

/** Options, in any order, with their times and dynamic energies. */
export interface Options {
  readonly option: (k: number) => InstructionOption;
  readonly time_s: Float64Array;
  readonly dynamic_j: Float64Array;
}

/**
 * What instructions of one stage and kind choose from: non-dominated in (time, dynamic energy), in
 * ascending time and strictly descending energy.
 */
export interface OptionSet extends Options {
  readonly options: readonly InstructionOption[];
  /** Indices of the lower convex hull's vertices. */
  readonly hull: readonly number[];
}

/**
 * The pipeline as a graph of instructions, numbered stage after stage, each in its order. Where a
 * link leads to no instruction it holds their number, one past the last.
 */
export interface Network<Set extends Options = OptionSet> extends Links {
  readonly stages: number;
  readonly static_power_w: number;
  readonly instructions: readonly PipelineInstruction[];
  readonly sets: readonly Set[];
  /** An order in which every instruction comes after all that it waits for. */
  readonly topological: Int32Array;
  /** The same links by the places of instructions in that order. */
  readonly placed: PlacedLinks;
}

/** A pipeline of more instructions is large: it is searched less closely. */
export const LARGE = 256;

/** Checks a problem and lays it out as a graph. Fails with KRS40xx where it makes no sense. */
export function networkOf(problem: PipelineProblem): Network {
  const { stages, static_power_w, order } = problem;
  const instructions = order.flat();
  if (stages < 1 || problem.microbatches < 1) fail(emptyPipeline("the pipeline"));
  if (instructions.length === 0) fail(emptyPipeline("the pipeline"));
  checkQuantity("the pipeline", "static_power_w", static_power_w);
  checkQuantity("the pipeline", "transfer_s", problem.transfer_s);
  checkQuantity("the pipeline", "switch_time_s", longestSwitch(problem.switch_time_s));

  const known = new Map<readonly InstructionOption[], OptionSet>();
  const sets = instructions.map((instruction) => {
    const list = optionsOf(problem, instruction);
    const set = known.get(list) ?? optionSet(problem, instruction);
    known.set(list, set);
    return set;
  });
  return { stages, static_power_w, sets, ...linksOf(order, problem.transfer_s, problem.placement) };
}

/**
 * What waits for what under the stages' orders. Fails with KRS4004 where they wait in a circle.
 * @param crossing_s of each crossing between stages
 */
export function linksOf(
  order: PipelineOrder,
  crossing_s: number,
  placement: Placement,
): Omit<Network, "stages" | "static_power_w" | "sets"> {
  const instructions = order.flat();
  const stageBefore = stageLinks(order);
  const dataBefore = dataDependencies(order, placement);
  const stageAfter = reversed(stageBefore);
  const dataAfter = reversed(dataBefore);
  const transfer_s = transfers(instructions, dataBefore, crossing_s);
  const links = { stageBefore, dataBefore, stageAfter, dataAfter, transfer_s };
  const topological = topologicalOrder(instructions, links);
  return { instructions, ...links, topological, placed: placedLinks(links, topological) };
}

function optionSet(problem: PipelineProblem, instruction: PipelineInstruction): OptionSet {
  const { stage, chunk, kind } = instruction;
  const all = optionsOf(problem, instruction);
  if (all.length === 0) fail(instructionWithoutOptions(stage, kind));
  all.forEach(({ time_s, energy_j }, i) => {
    const where = `stage ${stage} chunk ${chunk} ${kind} option ${i}`;
    checkQuantity(where, "time_s", time_s);
    checkQuantity(where, "energy_j", energy_j);
  });
  return optionSetOf(all, problem.static_power_w);
}

/** What no other of the options beats in time and dynamic energy. */
export function optionSetOf(all: readonly InstructionOption[], static_power_w: number): OptionSet {
  const times = all.map((option) => option.time_s);
  const dynamic = all.map((option) => option.energy_j - static_power_w * option.time_s);
  const kept = paretoIndices(times, dynamic);
  const time_s = Float64Array.from(kept, (i) => hot(times, i));
  const dynamic_j = Float64Array.from(kept, (i) => hot(dynamic, i));
  const options = kept.map((i) => hot(all, i));
  const hull = Array.from(lowerHullIndices(time_s, dynamic_j));
  return { options, option: (k) => at(options, k), time_s, dynamic_j, hull };
}

/** Seconds, joules or watts beyond it are a slip, and their sums would lose the others. */
const LARGEST = 1e12;

function checkQuantity(where: string, quantity: string, value: number): void {
  if (!(value >= 0 && value <= LARGEST)) fail(notAQuantity(where, quantity, value));
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

/** A result is on its way where its reader is on another stage. */
function transfers(
  instructions: readonly PipelineInstruction[],
  dataBefore: Int32Array,
  transfer_s: number,
): Float64Array {
  const delays = new Float64Array(instructions.length + 1);
  instructions.forEach(({ stage }, i) => {
    const before = at(dataBefore, i);
    if (before === instructions.length) return;
    if (at(instructions, before).stage !== stage) delays[i] = transfer_s;
  });
  return delays;
}

function reversed(before: Int32Array): Int32Array {
  const none = before.length;
  const after = new Int32Array(none).fill(none);
  before.forEach((b, i) => {
    if (b < none) after[b] = i;
  });
  return after;
}

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
    const i = hotInt(order, k);
    for (const links of [stageAfter, dataAfter]) {
      const after = hotInt(links, i);
      if (after === none) continue;
      const left = hotInt(waiting, after) - 1;
      waiting[after] = left;
      if (left === 0) order[ready++] = after;
    }
  }
  const stuck = instructions.find((_, i) => hotInt(waiting, i) > 0);
  if (stuck !== undefined) fail(deadlockedPipeline(stuck.stage, stuck.kind));
  return order;
}
