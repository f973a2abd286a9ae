import type { IterationFrontier } from "../ir/iteration.js";
import { longestSwitch } from "../ir/switch-time.js";
import type {
  Baseline,
  CostCounts,
  Execution,
  FrontierFile,
  PartitionSearchOutcome,
  Planned,
} from "../plan/frontier.js";
import { gpusPerStage } from "../plan/gpus.js";
import type { BeyondGpus } from "../plan/shared.js";
import { type ErrorOf, planErrors } from "./expected-error.js";
import type { RunFacts } from "./facts.js";

/** One baseline as the solver yields it: energies of one GPU of each stage. */
interface BaselineFrontier {
  readonly name: Baseline["name"];
  readonly points: readonly { readonly time_s: number; readonly energy_j: number }[];
  /** The lowest peak of its plans, where none keeps what the run's may draw. */
  readonly least_peak_w?: number;
}

interface FrontierInput extends RunFacts {
  readonly seed: number;
  readonly costs: CostCounts;
  readonly search: readonly PartitionSearchOutcome[];
  readonly baselines: readonly BaselineFrontier[];
  /** The first baseline under each execution: energies of one GPU of each stage. */
  readonly executions: readonly Execution[];
  /** Of a job that follows everything, as the solver yields it; null: it is this one, or not known. */
  readonly full_control: BaselineFrontier["points"] | null;
  /** Of one GPU, by stage. */
  readonly memory: readonly { readonly peak_bytes: number }[];
  /** What is told of power beside the GPUs; null or absent: nothing. */
  readonly beyond?: BeyondGpus | null;
  /** The searched one: energies of one GPU of each stage. */
  readonly frontier: IterationFrontier;
}

/** Where the plan of a point lies, from the frontier file's folder: `plans/007.json`. */
function planPath(id: number): string {
  return `plans/${String(id).padStart(3, "0")}.json`;
}

/** The model's error counts only if some costs are not measured. */
function expectedError({
  costs,
  expected_error,
}: FrontierInput): Pick<FrontierFile, "expected_error"> {
  const modelled = costs.modelled + costs.extrapolated > 0;
  return modelled && expected_error !== null ? { expected_error } : {};
}

/** What frontier.json says of what is planned, however well it is searched. */
export function plannedOf(facts: RunFacts): Planned {
  const { graph, gpu, static_power_w, transfer_s, switch_time_s, parallelism, told } = facts;
  const { control, peak_power_w } = facts;
  return {
    graph,
    gpu: gpu.name,
    static_power_w,
    ...(transfer_s > 0 ? { transfer_s } : {}),
    ...(longestSwitch(switch_time_s) > 0 ? { switch_time_s } : {}),
    parallelism,
    told,
    ...(peak_power_w === null ? {} : { peak_power_w }),
    ...(control === "all" ? {} : { control }),
  };
}

/** The content of frontier.json: energies of one GPU per stage become those of a whole replica. */
export function frontierFile(
  input: FrontierInput,
  errorOf: ErrorOf = planErrors(input.expected_error),
): FrontierFile {
  const gpus = gpusPerStage(input.parallelism);
  const ofReplica = (points: BaselineFrontier["points"]) =>
    points.map(({ time_s, energy_j }) => ({ time_s, energy_j: energy_j * gpus }));
  return {
    format: "kareus-frontier",
    version: 1,
    ...plannedOf(input),
    seed: input.seed,
    ...(input.beyond ? { beyond_gpus: input.beyond } : {}),
    costs: input.costs,
    ...expectedError(input),
    workload: input.workload,
    search: input.search.map(({ partition, space, evaluated, stop }) => ({
      partition,
      space,
      evaluated,
      stop,
    })),
    energy_optimal_time_s: input.frontier.energy_optimal_time_s,
    peak_memory_bytes: input.memory.map(({ peak_bytes }) => peak_bytes),
    baselines: input.baselines.map(({ name, points, least_peak_w }) => ({
      name,
      points: ofReplica(points),
      ...(least_peak_w === undefined ? {} : { least_peak_power_w: least_peak_w * gpus }),
    })),
    ...(input.full_control === null ? {} : { full_control: ofReplica(input.full_control) }),
    executions: input.executions.map((each) => ({ ...each, energy_j: each.energy_j * gpus })),
    points: input.frontier.points.map((point, id) => {
      const expected_error = errorOf(point);
      return {
        id,
        time_s: point.time_s,
        energy_j: point.energy_j * gpus,
        lower_bound_j: point.lower_bound_j * gpus,
        average_power_w: (point.energy_j * gpus) / point.time_s,
        ...(expected_error === null ? {} : { expected_error }),
        plan: planPath(id),
      };
    }),
  };
}
