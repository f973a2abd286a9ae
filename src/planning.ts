import { byDefault } from "./base/need.js";
import type { PhaseTimer } from "./base/phase-timer.js";
import { rivalsUnder, sequentialAtTop } from "./compose/baselines.js";
import type { Layout } from "./compose/problem.js";
import { SolverThreads } from "./compose/threads/beside.js";
import { type CostOracle, profileCounts, type TracingOracle, topClockCost } from "./cost/index.js";
import type { RunFacts } from "./emit/facts.js";
import { runFiles } from "./emit/run.js";
import { countSources } from "./emit/sources.js";
import type { Device } from "./gpu/device-schema.js";
import { layoutOf } from "./hardware.js";
import { EXECUTIONS, type ExecutionMode } from "./ir/choices.js";
import type { Evaluation } from "./ir/configuration.js";
import { type Hooks, type Lowered, loweredAgain } from "./lowering.js";
import type { SearchingOptions } from "./options.js";
import type { DetailsFile } from "./plan/details.js";
import type { FrontierFile } from "./plan/frontier.js";
import { gpusPerStage } from "./plan/gpus.js";
import type { PlanList } from "./plan/plan.js";
import type { BeyondGpus } from "./plan/shared.js";
import type { loadMeasurements } from "./profile/library.js";
import type { readProfile } from "./profile/reader.js";
import type { checkedMemory } from "./room.js";
import { replayCounts } from "./search/replay.js";
import { corrected, type Measuring, search } from "./searching.js";
import { composeAndSolve } from "./solving.js";

/** How a lowered graph is searched, who measures, and what the result says beside. */
export interface PlanningOptions extends SearchingOptions, Measuring {
  /** What draws power beside the GPUs, for the frontier to say; null or absent: nobody told. */
  readonly beyond?: BeyondGpus | null;
}

export interface OptimizeResult {
  readonly frontier: FrontierFile;
  readonly plans: PlanList;
  readonly details: DetailsFile;
  readonly evaluations: readonly Evaluation[];
  readonly timings: readonly { readonly phase: string; readonly time_s: number }[];
}

/** What is known before costs are. */
interface Prepared {
  readonly lowered: Lowered;
  readonly layout: Layout;
  readonly device: Device;
  /** Of the device's file. */
  readonly content: unknown;
  readonly measurements: ReturnType<typeof loadMeasurements>["measurements"];
  readonly files: ReturnType<typeof loadMeasurements>["files"];
  readonly oracle: TracingOracle;
  /** A profile that costs are taken from; null: none. */
  readonly replayed: ReturnType<typeof readProfile> | null;
  readonly facts: RunFacts;
  /** Of one GPU, by stage. */
  readonly memory: ReturnType<typeof checkedMemory>;
}

/** Searches partitions, composes what is found, solves, and says what the files hold. */
export async function planned(
  run: Prepared,
  options: PlanningOptions,
  timer: PhaseTimer,
  hooks: Hooks,
): Promise<OptimizeResult> {
  const solvers = new SolverThreads(solversFor(run.lowered, options.search));
  try {
    return await plannedBeside(solvers, run, options, timer, hooks);
  } finally {
    await solvers.end();
  }
}

async function plannedBeside(
  solvers: SolverThreads,
  run: Prepared,
  options: PlanningOptions,
  timer: PhaseTimer,
  hooks: Hooks,
): Promise<OptimizeResult> {
  const { lowered, layout, device, measurements, files, oracle, replayed, facts } = run;
  // Before evaluations are there: the kernels of another execution take as much memory as the run's own.
  const executions = await timer.run("executions", () =>
    byExecution(lowered, options, { device, oracle }),
  );

  const found = await timer.run("search", () =>
    search(lowered, { device, measurements, replayed }, layout, options, hooks),
  );

  const { seed, control, points } = options.search;
  const graph = lowered.partitions;
  const evaluations = corrected(graph, found.evaluations, measurements.instructions, layout);
  // What is measured is measured for what the job can follow.
  const composition = {
    graph,
    evaluations,
    device,
    layout,
    control,
    full: options.measure === null,
  };
  const sought = { points, peak_w: ofOneGpu(facts.peak_power_w, lowered.job) };
  const solved = await composeAndSolve(composition, sought, solvers, timer);

  return timer.run("emission", () => {
    const all = [...evaluations.values()].flat();
    const profiles = [
      ...profileCounts(files, lowered.partitions, device),
      ...(replayed === null ? [] : [replayCounts(replayed, all)]),
    ];
    const costs = { ...countSources(all), profiles };
    const { outcomes } = found;
    const composed = {
      seed,
      costs,
      search: outcomes,
      memory: run.memory,
      executions,
      ...solved,
      beyond: byDefault(options.beyond, null),
    };
    const written = runFiles(composed, lowered.partitions, run.content, facts, oracle);
    return { ...written, evaluations: all, timings: timer.timings };
  });
}

/** Instructions times points, of each problem that is solved, for which a thread pays. */
const WORTH_A_THREAD = 500;

/** How many threads solve what plans are compared with, beside this one. */
function solversFor(
  { job: { pp, microbatches } }: Lowered,
  { threads, points, control }: SearchingOptions["search"],
): number {
  const problems = rivalsUnder(control).length;
  const isWorthIt = problems * 2 * pp * microbatches * points >= WORTH_A_THREAD;
  return isWorthIt ? Math.min(threads - 1, problems) : 0;
}

/** Of one GPU of each stage, what all GPUs of a replica may draw. */
function ofOneGpu(power_w: number | null, job: Lowered["job"]): number | null {
  return power_w === null ? null : power_w / gpusPerStage(job);
}

/**
 * What the iteration takes under each execution, sequential at the highest clock; where the CPU's
 * time for a launch is told, it is that of the execution asked for. They differ from where kernels
 * are formed on; what the run itself was lowered to is not lowered again.
 */
function byExecution(
  lowered: Lowered,
  { job, hardware }: PlanningOptions,
  { device, oracle }: { readonly device: Device; readonly oracle: CostOracle },
) {
  // A CUDA graph launches the kernels of compiled layers.
  const isEager = (execution: ExecutionMode) => execution === "eager";
  const execution = isEager(job.execution) ? "compiled" : "eager";
  const other = loweredAgain(lowered, topClockCost(oracle, device), { ...job, execution });
  return EXECUTIONS.map((name) => {
    const told = name === job.execution ? hardware : { ...hardware, launch_us: null };
    const layout = layoutOf({ ...job, execution: name }, told, device);
    const partitions = isEager(name) === isEager(job.execution) ? lowered.partitions : other;
    return { name, ...sequentialAtTop(partitions, device, layout, oracle.cost) };
  });
}
