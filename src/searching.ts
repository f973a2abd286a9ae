import { instructionFrontiers } from "./compose/instructions.js";
import type { Layout } from "./compose/problem.js";
import { correctedByInstructions } from "./cost/index.js";
import type { Control } from "./ir/choices.js";
import type { PartitionedGraph, PartitionType } from "./ir/partition.js";
import type { Hooks, Lowered } from "./lowering.js";
import type { SearchingOptions } from "./options.js";
import type { Measurements } from "./profile/library.js";
import type { Profile } from "./profile/reader.js";
import { runsPerIteration } from "./search/allocate.js";
import { type Journal, type JournalFile, NO_JOURNAL, openJournal } from "./search/journal.js";
import type { Windows } from "./search/live.js";
import type { CostSetup } from "./search/messages.js";
import { openEvaluator } from "./search/open-evaluator.js";
import { type SearchResult, searchPartitions } from "./search/search.js";
import { configurationSpace } from "./search/space.js";

/** Who measures, and where evaluations are kept. */
export interface Measuring {
  /** Costs measured on this machine's GPU, and how; null: recorded and modelled ones. */
  readonly measure: Windows | null;
  /** Where evaluations are kept as they come; null: nowhere. */
  readonly journal: JournalFile | null;
}

/** Searches every partition type, going on from what the journal of an earlier run holds. */
export async function search(
  { kernels, partitions }: Lowered,
  { replayed, ...setup }: CostSetup & { readonly replayed: Profile | null },
  { static_power_w, microbatches }: Pick<Layout, "static_power_w" | "microbatches">,
  options: Pick<SearchingOptions, "search"> & Measuring,
  hooks: Pick<Hooks, "progress" | "report" | "signal">,
): Promise<SearchResult> {
  const { seed, budget } = options.search;
  const control = options.measure === null ? "all" : options.search.control;
  const { signal } = hooks;
  const types = [...partitions.partitions.values()];
  const run = { graph: kernels, costs: setup, windows: options.measure, replayed, seed };
  const journal: Journal =
    options.journal === null ? NO_JOURNAL : openJournal(options.journal, run, hooks.report);
  const threads = Math.min(options.search.threads, types.length, worthwhile(types, setup, control));
  const evaluator = openEvaluator(setup, replayed, options.measure, { threads, signal });
  try {
    return await searchPartitions(types, setup.device, evaluator, {
      seed,
      budget,
      control,
      static_power_w,
      journal,
      signal,
      runs: runsPerIteration(partitions, microbatches),
      onProgress: (done, total) => hooks.progress("evaluating configurations", done, total),
    });
  } finally {
    await evaluator.close();
    journal.close();
  }
}

/**
 * Modelled evaluations for which a thread pays: each takes 5 to 30 microseconds, and as much to be sent and
 * answered; a thread takes a third of a second to start.
 */
const WORTH_A_THREAD = 65_536;

/** How many threads may pay: fewer than two where all is modelled and soon done. */
function worthwhile(
  types: readonly PartitionType[],
  { device, measurements }: CostSetup,
  control: Control,
): number {
  if (measurements.profiles.length > 0) return Number.POSITIVE_INFINITY;
  const sizes = types.map((type) => configurationSpace(type, device, control).size);
  return Math.floor(sizes.reduce((sum, size) => sum + size, 0) / WORTH_A_THREAD);
}

/** Evaluations as measured instructions say they are off. */
export function corrected(
  graph: PartitionedGraph,
  evaluations: SearchResult["evaluations"],
  measured: Measurements["instructions"],
  layout: Layout,
): SearchResult["evaluations"] {
  if (measured.length === 0) return evaluations;
  const expected = instructionFrontiers(graph, evaluations, layout);
  return correctedByInstructions(evaluations, graph, expected, measured);
}
