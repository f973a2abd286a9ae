import { fail } from "../base/diagnostics/diagnostic.js";
import { noOptions } from "../base/diagnostics/lowering.js";
import { need } from "../base/need.js";
import type { Evaluation, InstructionFrontier } from "../ir/configuration.js";
import { type ExecutionModel, launchesIn, type PartitionedGraph } from "../ir/partition.js";
import { longestSwitch } from "../ir/switch-time.js";
import { instructionComposer } from "./instruction.js";
import type { Layout } from "./problem.js";

/** Which execution models and evaluations may be used; the searched frontier uses all. */
export interface Restriction {
  readonly models: readonly ExecutionModel[];
  readonly allow: (evaluation: Evaluation) => boolean;
}

const EVERYTHING: Restriction = { models: ["sequential", "nanobatched"], allow: () => true };

/**
 * The options of every instruction of a graph, from the evaluations of its partition types. Fails
 * with KRS1409 if an instruction has none.
 */
export function instructionFrontiers(
  graph: PartitionedGraph,
  evaluations: ReadonlyMap<string, readonly Evaluation[]>,
  {
    static_power_w,
    switch_time_s = 0,
    launch_s = 0,
    microbatches,
  }: Pick<Layout, "static_power_w" | "switch_time_s" | "launch_s" | "microbatches">,
  restriction: Restriction = EVERYTHING,
): InstructionFrontier[] {
  const { allow } = restriction;
  // Where switches take time, an instruction may have to run at any clock.
  const atEveryClock = longestSwitch(switch_time_s) > 0;
  const launchTime = (key: string) => launch_s * launchesIn(need(graph.partitions, key));
  const compose = instructionComposer(evaluations, {
    static_power_w,
    launchTime,
    allow,
    instructions: graph.instructions.length * microbatches,
    atEveryClock,
  });
  return graph.instructions.map((shape) => {
    // An instruction that cannot be nanobatched runs sequentially, whatever the restriction.
    const available = shape.executions.map(({ model }) => model);
    const models = restriction.models.filter((model) => available.includes(model));
    const frontier = compose(shape, models.length > 0 ? models : available);
    if (frontier.options.length === 0) fail(noOptions(shape.stage, shape.kind));
    return frontier;
  });
}
