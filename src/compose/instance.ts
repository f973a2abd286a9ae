import { fail } from "../base/diagnostics/diagnostic.js";
import {
  instructionWithoutOptions,
  optionWithoutClock,
  wrongCount,
} from "../base/diagnostics/plan.js";
import { incompleteStageProfile } from "../base/diagnostics/profile.js";
import { need } from "../base/need.js";
import { type InstructionOption, unswitched } from "../ir/configuration.js";
import type { IterationFrontier, PipelineProblem } from "../ir/iteration.js";
import { LAST_KINDS } from "../ir/partition.js";
import { longestSwitch } from "../ir/switch-time.js";
import type { InstanceCell, InstanceFile, InstanceOption } from "../plan/instance.js";
import type { SolutionFile } from "../plan/solution.js";
import type { StageProfileRow } from "../profile/stage-profile.js";
import { problemOfOptions } from "./problem.js";
import { schedules } from "./schedules/index.js";

/** What a stage profile does not say. */
type Frame = Omit<InstanceFile, "format" | "version" | "stages" | "options" | "tail">;

/**
 * The instance of a stage profile. Options keep the order of their lines.
 * @param chunks of each stage; the profile counts chunk x stages + stage
 * @param where the profile's file, for diagnostics: KRS2021 if something is missing
 */
export function instanceOfProfile(
  rows: readonly StageProfileRow[],
  frame: Frame,
  chunks: number,
  where: string,
): InstanceFile {
  const cells = 1 + rows.reduce((most, { stage }) => Math.max(most, stage), 0);
  if (cells % chunks !== 0) fail(wrongCount(where, cells, `a multiple of ${chunks} chunks`));
  const lists = new Map<string, InstanceOption[]>();
  for (const { stage, kind, ...option } of rows) {
    const list = lists.get(`${stage} ${kind}`);
    if (list === undefined) lists.set(`${stage} ${kind}`, [option]);
    else list.push(option);
  }
  const of = (stage: number, kind: string) =>
    lists.get(`${stage} ${kind}`) ?? fail(incompleteStageProfile(where, stage, kind));
  const { kinds } = schedules[frame.pipeline];
  const stages = cells / chunks;
  const options = Array.from({ length: cells }, (_, cell) => ({
    forward: of(cell, "forward"),
    ...Object.fromEntries(kinds.map((kind) => [kind, of(cell, kind)])),
  }));
  const hasTail = rows.some(({ kind }) => kind === "tail");
  const tail = Array.from({ length: hasTail ? stages : 0 }, (_, stage) => of(stage, "tail"));
  return {
    format: "kareus-instance",
    version: 1,
    stages,
    options,
    ...frame,
    ...(hasTail ? { tail } : {}),
  };
}

/**
 * The pipeline problem of an instance. Fails with KRS4002, KRS4006 to 4008 or KRS4010 where its parts
 * do not fit together.
 * @param where the instance's file, for diagnostics
 */
export function instanceProblem(instance: InstanceFile, where: string): PipelineProblem {
  const { stages, microbatches, pipeline, static_power_w, tail } = instance;
  const { transfer_s = 0, switch_time_s = 0 } = instance;
  const cells = instance.options.length;
  if (cells % stages !== 0) {
    fail(wrongCount(`${where} at .options`, cells, `${stages}, one for each stage and chunk`));
  }
  if (tail !== undefined && tail.length !== stages) {
    fail(wrongCount(`${where} at .tail`, tail.length, `${stages}, one for each stage`));
  }
  const { kinds } = schedules[pipeline];
  if (longestSwitch(switch_time_s) > 0) checkClocks(instance, where);
  const options = instance.options.map((cell, index) => {
    const lists: Record<string, readonly InstructionOption[]> = {};
    for (const kind of kinds) {
      const list = cell[kind as keyof InstanceCell];
      if (list === undefined) return fail(instructionWithoutOptions(index % stages, kind));
      lists[kind] = list.map(solverOption);
    }
    for (const kind of LAST_KINDS) {
      const list = cell[kind];
      if (list !== undefined) lists[kind] = list.map(solverOption);
    }
    const own = tail?.[index];
    return own === undefined ? lists : { ...lists, tail: own.map(solverOption) };
  });
  const chunks = cells / stages;
  const layout = { microbatches, static_power_w, pipeline, chunks, transfer_s, switch_time_s };
  return problemOfOptions(options, stages, layout);
}

/** A switch of the clock can be told only where every option says its clock. */
function checkClocks({ options, tail = [] }: InstanceFile, where: string): void {
  const lists = [
    ...options.flatMap((cell, index) =>
      Object.entries(cell).map(
        ([kind, list]) => [`options[${index}].${kind}`, list ?? []] as const,
      ),
    ),
    ...tail.map((list, stage) => [`tail[${stage}]`, list] as const),
  ];
  for (const [path, list] of lists) {
    const missing = list.findIndex(({ freq_mhz }) => freq_mhz === undefined);
    if (missing >= 0) fail(optionWithoutClock(`${where} at .${path}[${missing}]`));
  }
}

/** Without a clock it is 0: that is looked at only where switches take time. */
function solverOption({ time_s, energy_j, freq_mhz = 0 }: InstanceOption): InstructionOption {
  return { freq_mhz, execution: "sequential", time_s, energy_j, use: () => [] };
}

/** A frontier as a solution of the instance that `problem` came from. */
export function solutionOf(problem: PipelineProblem, frontier: IterationFrontier): SolutionFile {
  const lists = problem.options.flatMap((cell) => Object.values(cell));
  const indices = new Map(lists.flatMap((list) => list.map((option, k) => [option, k] as const)));
  return {
    format: "kareus-solution",
    version: 1,
    energy_optimal_time_s: frontier.energy_optimal_time_s,
    points: frontier.points.map(({ time_s, energy_j, lower_bound_j, instructions }) => ({
      time_s,
      energy_j,
      lower_bound_j,
      choice: instructions.map((stage) =>
        stage.map(({ option }) => need(indices, unswitched(option))),
      ),
    })),
    stop: "complete",
  };
}
