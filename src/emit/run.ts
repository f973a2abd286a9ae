import type { TracingOracle } from "../cost/index.js";
import type { IterationFrontier } from "../ir/iteration.js";
import type { PartitionedGraph } from "../ir/partition.js";
import type { DetailsFile } from "../plan/details.js";
import type {
  Baseline,
  CostCounts,
  Execution,
  FrontierFile,
  PartitionSearchOutcome,
} from "../plan/frontier.js";
import type { PlanList } from "../plan/plan.js";
import type { BeyondGpus } from "../plan/shared.js";
import { detailsFile } from "./details.js";
import { planErrors } from "./expected-error.js";
import type { RunFacts } from "./facts.js";
import { frontierFile } from "./frontier.js";
import { planFiles } from "./plan.js";
import { usesOnce } from "./uses.js";

/** What a run found. */
interface Found {
  /** What is told of power beside the GPUs. */
  readonly beyond: BeyondGpus | null;
  readonly seed: number;
  readonly costs: CostCounts;
  readonly search: readonly PartitionSearchOutcome[];
  readonly memory: readonly { readonly peak_bytes: number }[];
  readonly baselines: readonly {
    readonly name: Baseline["name"];
    readonly points: IterationFrontier["points"];
    readonly least_peak_w?: number;
  }[];
  /** What the iteration takes under each execution. */
  readonly executions: readonly Execution[];
  /** What a job that follows everything reaches; null: it is this one, or not known. */
  readonly full_control: IterationFrontier["points"] | null;
  readonly frontier: IterationFrontier;
}

/**
 * The files of a run: the frontier, a plan for each point, and details.
 * @param device the content of the device's file, with its sources
 */
export function runFiles(
  found: Found,
  graph: PartitionedGraph,
  device: unknown,
  facts: RunFacts,
  oracle: Pick<TracingOracle, "parts" | "trace">,
): { frontier: FrontierFile; plans: PlanList; details: DetailsFile } {
  const usesOf = usesOnce();
  const errorOf = planErrors(facts.expected_error, usesOf);
  const planOf = planFiles(graph, facts, oracle.parts, usesOf, errorOf);
  const { points } = found.frontier;
  const baselines = found.baselines.flatMap(({ name, points: [fastest] }) =>
    fastest === undefined ? [] : [{ name, plan: planOf(fastest, 0) }],
  );
  return {
    frontier: frontierFile({ ...facts, ...found }, errorOf),
    plans: {
      length: points.length,
      *[Symbol.iterator]() {
        for (const [id, point] of points.entries()) yield planOf(point, id, points);
      },
    },
    details: detailsFile(points, usesOf, graph, device, facts, oracle.trace, baselines),
  };
}
