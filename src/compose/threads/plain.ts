import { at, hotFloat, hotInt, need } from "../../base/need.js";
import { type InstructionOption, unswitched } from "../../ir/configuration.js";
import {
  type IterationPoint,
  optionsOf,
  type PipelineProblem,
  type TimedInstruction,
} from "../../ir/iteration.js";
import type { Reached } from "../solver.js";

/*
 * Problems and plans as they cross threads: options do not know there what they are made of, and a plan names the
 * options of its instructions by their places.
 */

type PlainOption = Omit<InstructionOption, "use">;

export interface PlainProblem extends Omit<PipelineProblem, "options"> {
  readonly options: readonly Readonly<Record<string, readonly PlainOption[]>>[];
}

/** What an option is like that starts before its clock is reached. */
interface Switched {
  readonly place: number;
  readonly from_mhz: number;
  readonly time_s: number;
  readonly energy_j: number;
}

/** A plan; instructions by stage, in pipeline order. */
interface PlainPoint extends Pick<IterationPoint, "time_s" | "energy_j" | "lower_bound_j"> {
  /** Which of the instruction's options each runs. */
  readonly option: Int32Array;
  readonly start_s: Float64Array;
  /** Those of the instructions that come after another clock. */
  readonly switched: readonly Switched[];
}

export interface PlainReached extends Omit<Reached, "points"> {
  readonly points: readonly PlainPoint[];
}

export function plainProblem(problem: PipelineProblem): PlainProblem {
  const plain = ({ use: _, ...option }: InstructionOption): PlainOption => option;
  return { ...problem, options: mapped(problem.options, plain) };
}

/** In the thread: none of its options can be spelled out. */
export function problemOf(plain: PlainProblem): PipelineProblem {
  const use = () => {
    throw new Error("an option is spelled out where it was composed");
  };
  return { ...plain, options: mapped(plain.options, (option) => ({ ...option, use })) };
}

function mapped<From, To>(
  cells: readonly Readonly<Record<string, readonly From[]>>[],
  change: (option: From) => To,
): Readonly<Record<string, readonly To[]>>[] {
  return cells.map((cell) =>
    Object.fromEntries(Object.entries(cell).map(([kind, list]) => [kind, list.map(change)])),
  );
}

/** In the thread: what was reached, without options. */
export function plainReached(problem: PipelineProblem, { points, ...rest }: Reached): PlainReached {
  const places = new Map<readonly InstructionOption[], Map<InstructionOption, number>>();
  const placeOf = (instruction: TimedInstruction) => {
    const options = optionsOf(problem, instruction);
    const own = places.get(options) ?? new Map(options.map((option, k) => [option, k] as const));
    places.set(options, own);
    return need(own, unswitched(instruction.option));
  };
  return { ...rest, points: points.map((point) => plainPoint(point, placeOf)) };
}

function plainPoint(
  { time_s, energy_j, lower_bound_j, instructions }: IterationPoint,
  placeOf: (instruction: TimedInstruction) => number,
): PlainPoint {
  const all = instructions.flat();
  const switched = all.flatMap(({ option }, place): Switched[] => {
    if (option.switched === undefined) return [];
    const { from_mhz } = option.switched;
    return [{ place, from_mhz, time_s: option.time_s, energy_j: option.energy_j }];
  });
  const start_s = Float64Array.from(all, (instruction) => instruction.start_s);
  return {
    time_s,
    energy_j,
    lower_bound_j,
    option: Int32Array.from(all, placeOf),
    start_s,
    switched,
  };
}

/** What a thread reached, of the options that the problem has here. */
export function reachedOf(problem: PipelineProblem, { points, ...rest }: PlainReached): Reached {
  return { ...rest, points: points.map((point) => pointOf(problem, point)) };
}

function pointOf(
  problem: PipelineProblem,
  { option, start_s, switched, ...point }: PlainPoint,
): IterationPoint {
  const late = new Map(switched.map(({ place, ...each }) => [place, each] as const));
  return {
    ...point,
    get instructions() {
      let place = 0;
      return problem.order.map((own) =>
        own.map((instruction) => {
          const to = at(optionsOf(problem, instruction), hotInt(option, place));
          const start = hotFloat(start_s, place);
          const after = late.get(place++);
          return { ...instruction, option: after ? switchedTo(to, after) : to, start_s: start };
        }),
      );
    },
  };
}

function switchedTo(
  to: InstructionOption,
  { from_mhz, time_s, energy_j }: Omit<Switched, "place">,
): InstructionOption {
  return { ...to, time_s, energy_j, switched: { from_mhz, to } };
}
