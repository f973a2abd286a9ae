import type { IterationFrontier } from "../ir/iteration.js";
import type {
  Baseline,
  CostCounts,
  FrontierFile,
  PartitionSearchOutcome,
} from "../plan/frontier.js";
import { gpusPerStage, type Parallelism } from "../plan/shared.js";

/** What every emitted file says of the run that made it. */
export interface RunFacts {
  readonly graph: { readonly name: string; readonly sha256: string };
  readonly gpu: { readonly name: string; readonly sm_count: number };
  readonly parallelism: Parallelism;
  /** Per GPU. */
  readonly static_power_w: number;
}

/** One baseline as the solver yields it: energies of one GPU of each stage. */
interface BaselineFrontier {
  readonly name: Baseline["name"];
  readonly points: readonly { readonly time_s: number; readonly energy_j: number }[];
}

interface FrontierInput extends RunFacts {
  readonly seed: number;
  readonly costs: CostCounts;
  readonly search: readonly PartitionSearchOutcome[];
  readonly baselines: readonly BaselineFrontier[];
  /** The searched one: energies of one GPU of each stage. */
  readonly frontier: IterationFrontier;
}

/** Where the plan of a point lies, from the frontier file's folder: `plans/007.json`. */
function planPath(id: number): string {
  return `plans/${String(id).padStart(3, "0")}.json`;
}

/** The content of frontier.json: energies of one GPU per stage become those of a whole replica. */
export function frontierFile(input: FrontierInput): FrontierFile {
  const gpus = gpusPerStage(input.parallelism);
  return {
    format: "kareus-frontier",
    version: 1,
    graph: input.graph,
    gpu: input.gpu.name,
    seed: input.seed,
    static_power_w: input.static_power_w,
    parallelism: input.parallelism,
    costs: input.costs,
    search: input.search.map(({ partition, space, evaluated, stop }) => ({
      ...{ partition, space, evaluated, stop },
    })),
    energy_optimal_time_s: input.frontier.energy_optimal_time_s,
    baselines: input.baselines.map(({ name, points }) => ({
      name,
      points: points.map(({ time_s, energy_j }) => ({ time_s, energy_j: energy_j * gpus })),
    })),
    points: input.frontier.points.map((point, id) => ({
      id,
      time_s: point.time_s,
      energy_j: point.energy_j * gpus,
      lower_bound_j: point.lower_bound_j * gpus,
      average_power_w: (point.energy_j * gpus) / point.time_s,
      plan: planPath(id),
    })),
  };
}
