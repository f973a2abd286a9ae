import { need } from "./base/need.js";
import type { PhaseTimer } from "./base/phase-timer.js";
import { baselineProblems, restrictionOf, rivalsUnder } from "./compose/baselines.js";
import { instructionFrontiers } from "./compose/instructions.js";
import { type Layout, pipelineProblem } from "./compose/problem.js";
import { frontierUnder, type Sought } from "./compose/solver.js";
import type { SolverThreads } from "./compose/threads/beside.js";
import type { Device } from "./gpu/device-schema.js";
import type { Control } from "./ir/choices.js";
import type { PartitionedGraph } from "./ir/partition.js";
import type { SearchResult } from "./search/search.js";

/** What is composed and solved, and for whom. */
interface Composition {
  readonly graph: PartitionedGraph;
  readonly evaluations: SearchResult["evaluations"];
  readonly device: Device;
  readonly layout: Layout;
  /** What the job can follow. */
  readonly control: Control;
  /** Whether it is told as well what a job would reach that follows everything. */
  readonly full: boolean;
}

/**
 * The frontier of a whole iteration, what a job that follows everything reaches (null: the same, or not asked for),
 * and what its baselines do, which are solved beside the rest where there is a thread for them.
 */
export async function composeAndSolve(
  { graph, evaluations, device, layout, control, full }: Composition,
  sought: Sought,
  threads: SolverThreads,
  timer: PhaseTimer,
) {
  const restriction = restrictionOf(control, graph, device);
  const problemUnder = (allowed: typeof restriction) => {
    const instructions = instructionFrontiers(graph, evaluations, layout, allowed ?? undefined);
    return pipelineProblem(instructions, graph.stages, layout);
  };
  const rivals = baselineProblems(graph, evaluations, device, layout, rivalsUnder(control));
  const reachedBeside = threads.solve([...new Set(rivals.map((each) => each.problem))], sought);
  const problems = await timer.run("composition", () => ({
    own: problemUnder(restriction),
    free: restriction !== null && full ? problemUnder(null) : null,
  }));
  return timer.run("solver", async () => {
    const frontierWith = frontierUnder(problems.own, sought);
    const reached = await reachedBeside();
    const baselines = rivals.map(({ name, problem }) => ({ name, ...need(reached, problem) }));
    // Whatever they run a plan may run too.
    const frontier = frontierWith(baselines.flatMap(({ points }) => points));
    const full_control =
      problems.free && frontierUnder(problems.free, sought)(frontier.points).points;
    return { frontier, full_control, baselines };
  });
}
