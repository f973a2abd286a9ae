import { grouped } from "../base/grouped.js";
import { addTo, at, hotFloat } from "../base/need.js";
import type { Evaluation, InstructionFrontier, InstructionOption } from "../ir/configuration.js";
import {
  type Execution,
  type ExecutionModel,
  type InstructionShape,
  type PartitionUse,
  useCount,
} from "../ir/partition.js";
import type { Frontier } from "./frontiers/frontier.js";
import { keptPoints, type Points } from "./frontiers/kept-points.js";
import { sumOfFrontiers } from "./frontiers/minkowski.js";
import { UseFrontiers } from "./frontiers/use-frontiers.js";
import { type Origin, spelledOut } from "./spelled-out.js";

interface CompositionOptions {
  /** Per GPU. */
  readonly static_power_w: number;
  /** What the CPU needs to launch one run of a partition type; nothing unless told. */
  readonly launchTime?: (partition: string) => number;
  /** Which evaluations may be used. */
  readonly allow: (evaluation: Evaluation) => boolean;
  /** Of how many instructions the pipeline is; few unless told. */
  readonly instructions?: number;
  /** Whether a clock keeps options that those of other clocks beat; not unless told. */
  readonly atEveryClock?: boolean;
}

/** An instruction with more options than this has neighbours merged. */
const MOST_OPTIONS = 256;

/**
 * Instructions times options of each: beyond it each has fewer, at least {@link LEAST_OPTIONS}. Among
 * many instructions what one cannot choose another makes up for; plans got better, not worse, with
 * a quarter of the options, since exchanges make larger steps.
 */
const MANY = 2 ** 17;
const LEAST_OPTIONS = 64;

/** At each clock, where each keeps its own, the most is this share. */
const AT_A_CLOCK = 1 / 16;

/** An option before it is known whose layers run it. */
interface Composed {
  readonly sum: Sum;
  /** Which point of the sum's frontier. */
  readonly point: number;
  readonly time_s: number;
  readonly energy_j: number;
  readonly launch_time_s: number;
}

/**
 * The options of instructions by what they are made of: instructions of equal executions (pipeline
 * stages with as many layers) are composed once.
 */
export function instructionComposer(
  evaluations: ReadonlyMap<string, readonly Evaluation[]>,
  options: CompositionOptions,
): (shape: InstructionShape, models: readonly ExecutionModel[]) => InstructionFrontier {
  const { static_power_w, allow } = options;
  const frontiers = new UseFrontiers(evaluations, static_power_w, allow);
  const known = new Map<string, readonly Composed[]>();
  return (shape, models) => {
    const { stage, chunk, kind } = shape;
    const executions = shape.executions.filter(({ model }) => models.includes(model));
    const counted = executions.map(({ model, uses }) => [model, [...countUses(uses)]]);
    const key = JSON.stringify(counted);
    const composed = known.get(key) ?? optionsOf(executions, frontiers, options);
    known.set(key, composed);
    return { stage, chunk, kind, options: composed.map((each) => optionOf(each, executions)) };
  };
}

/**
 * The options of one instruction: for every execution model and every frequency (one frequency per
 * instruction) the Minkowski sum over its uses, the uses of one partition type together so that they
 * may split between configurations, in no less time than the CPU needs to launch them all; then what
 * no other option beats in time and dynamic energy.
 * A frequency that some partition has no allowed evaluation of gives nothing; no option at all is an
 * empty list. On demand also what no other option at the same clock beats. Where more than 256
 * options are left, corners of their lower hull stay, all of them up to 128, and the cheapest of each
 * cell of time, 128 cells or more: nothing gets cheaper than it is, and an option is lost to a cheaper
 * one slower by 0.8% of the range at most. Likewise with 16 at a clock; and with fewer of both in
 * pipelines of more than 512 instructions, a quarter from 2048 on.
 */
function optionsOf(
  executions: readonly Execution[],
  frontiers: UseFrontiers,
  options: CompositionOptions,
): readonly Composed[] {
  const sums = executions.flatMap((execution, index) => sumsOf(execution, index, frontiers));
  const launch_s = executions.map(({ uses }) => launchTimeOf(uses, options));
  const points = pointsOf(sums, launch_s);
  const { atEveryClock = false, instructions = 1 } = options;
  const most = Math.max(LEAST_OPTIONS, Math.min(MOST_OPTIONS, Math.floor(MANY / instructions)));
  const clocks = grouped(sums.keys(), (k) => at(sums, k).freq_mhz);
  const kept = keptPoints(points, [...clocks.values()], {
    most,
    mostOfGroup: atEveryClock ? Math.floor(most * AT_A_CLOCK) : 0,
  });
  return kept.map((i) => {
    const place = points.starts.findLastIndex((start) => start <= i);
    const [sum, time_s] = [at(sums, place), hotFloat(points.time_s, i)];
    const energy_j = hotFloat(points.dynamic_j, i) + options.static_power_w * time_s;
    const launch_time_s = at(launch_s, sum.execution);
    const point = i - at(points.starts, place);
    return { sum, point, time_s, energy_j, launch_time_s };
  });
}

/** What the CPU needs to launch every run of an execution. */
function launchTimeOf(
  uses: readonly PartitionUse[],
  { launchTime = () => 0 }: CompositionOptions,
): number {
  return uses.reduce((sum_s, use) => sum_s + useCount(use) * launchTime(use.partition), 0);
}

/** How often each partition type runs, in order of first use. */
function countUses(uses: readonly PartitionUse[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const use of uses) {
    addTo(counts, use.partition, useCount(use));
  }
  return counts;
}

/** The sum over an execution's uses at one frequency. */
interface Sum extends Origin {
  /** Which of the executions. */
  readonly execution: number;
  readonly freq_mhz: number;
}

/** Of all sums; none takes less time than the CPU needs to launch its execution. */
function pointsOf(sums: readonly Sum[], launch_s: readonly number[]): Points {
  const size = sums.reduce((count, { frontier }) => count + frontier.time_s.length, 0);
  const [time_s, dynamic_j] = [new Float64Array(size), new Float64Array(size)];
  const starts = new Int32Array(sums.length + 1);
  let i = 0;
  for (const [place, { frontier, execution }] of sums.entries()) {
    const least_s = at(launch_s, execution);
    for (let point = 0; point < frontier.time_s.length; point++, i++) {
      time_s[i] = Math.max(hotFloat(frontier.time_s, point), least_s);
      dynamic_j[i] = hotFloat(frontier.dynamic_j, point);
    }
    starts[place + 1] = i;
  }
  return { time_s, dynamic_j, starts };
}

function sumsOf(execution: Execution, index: number, frontiers: UseFrontiers): Sum[] {
  const counts = [...countUses(execution.uses)];
  const [first] = at(counts, 0);
  return frontiers.clocks(first).flatMap((freq_mhz) => {
    const partitions = new Map<Frontier, readonly Evaluation[]>();
    const multiples: Frontier[] = [];
    for (const [partition, count] of counts) {
      const uses = frontiers.at(partition, freq_mhz, count);
      if (uses === null) return [];
      partitions.set(uses.frontier, uses.evaluations);
      multiples.push(uses.together);
    }
    return [{ execution: index, freq_mhz, frontier: sumOfFrontiers(multiples), partitions }];
  });
}

function optionOf(
  { sum, point, time_s, energy_j, launch_time_s }: Composed,
  executions: readonly Execution[],
): InstructionOption {
  const execution = at(executions, sum.execution);
  return {
    freq_mhz: sum.freq_mhz,
    execution: execution.model,
    time_s,
    energy_j,
    ...(launch_time_s > 0 ? { launch_time_s } : {}),
    use: () => spelledOut(sum, point, execution),
  };
}
