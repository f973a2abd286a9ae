import { at, need } from "../base/need.js";
import { forkRng } from "../base/rng.js";
import { type LearnedError, learnedError, modelledOracle } from "../cost/index.js";
import type { Device } from "../gpu/device-schema.js";
import type { Control } from "../ir/choices.js";
import type { Evaluation } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";
import type { Evaluator } from "./evaluator.js";
import { type Journal, NO_JOURNAL } from "./journal.js";
import { type Ledger, openLedger } from "./ledger.js";
import { compareEvaluations, type Outcome, PartitionSearch } from "./partition.js";
import { promising } from "./promising.js";
import { searchInRounds } from "./rounds.js";
import { type ConfigurationSpace, configurationSpace } from "./space.js";
import { exhaustive } from "./strategies/exhaustive.js";
import { surrogate } from "./strategies/surrogate.js";

/** Spaces up to this size are enumerated where evaluations are cheap, whatever the budget. */
const ENUMERATED = 20_000;

interface SearchOptions {
  readonly seed: number;
  /** Evaluations per partition type, on average, where spaces are not enumerated. */
  readonly budget: number;
  /** Per GPU. */
  readonly static_power_w: number;
  /** How often an iteration runs each type; absent: each once. */
  readonly runs?: ReadonlyMap<string, number>;
  /** What earlier measurements taught, where costs are measured. */
  readonly residuals?: LearnedError;
  /** What is chosen at all; absent: everything. */
  readonly control?: Control;
  readonly journal?: Journal;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (done: number, total: number) => void;
}

/** What a search found. */
export interface SearchResult {
  /** By partition key, keys ascending. */
  readonly evaluations: ReadonlyMap<string, readonly Evaluation[]>;
  /** How it went, in the same order. */
  readonly outcomes: readonly Outcome[];
}

/** One partition type to search. */
interface Job {
  readonly partition: PartitionType;
  readonly space: ConfigurationSpace;
}

type Found = readonly [evaluations: readonly Evaluation[], outcome: Outcome];

/**
 * Searches every partition type. The result depends neither on how many batches the evaluator works
 * on at once nor on the order of the partitions, nor, unless it measures, on whether an earlier run
 * recorded some of it. An aborted search fails with the signal's reason.
 */
export async function searchPartitions(
  partitions: readonly PartitionType[],
  device: Device,
  evaluator: Evaluator,
  options: SearchOptions,
): Promise<SearchResult> {
  const { budget, control, journal = NO_JOURNAL, signal, onProgress } = options;
  const jobs = [...partitions]
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(
      (partition): Job => ({ partition, space: configurationSpace(partition, device, control) }),
    );
  const isListed = ({ space }: Job) => !evaluator.live && space.size <= ENUMERATED;
  const listed = jobs.filter(isListed);
  const sampled = jobs.filter((job) => !isListed(job));

  let done = 0;
  const total = listed.reduce((sum, { space }) => sum + space.size, budget * sampled.length);
  const onEvaluated = () => onProgress?.(Math.min(++done, total), total);
  const ledger = openLedger({ evaluator, journal, signal, onEvaluated });
  // Measurements of one partition say how far the model is off for the next.
  const model = modelledOracle(device);
  const residuals = evaluator.live
    ? (options.residuals ?? learnedError(model, device, options.static_power_w))
    : null;
  const searches = sampled.map((job) => partitionSearch(job, residuals, options));
  const found = new Map<string, Found>(await enumerated(listed, ledger));
  await searchInRounds(searches, ledger, budget);
  for (const search of searches) {
    found.set(search.partition.key, [search.evaluations(), search.outcome()]);
  }
  const inOrder = jobs.map(({ partition: { key } }) => [key, need(found, key)] as const);
  return {
    evaluations: new Map(inOrder.map(([key, [evaluations]]) => [key, evaluations])),
    outcomes: inOrder.map(([, [, outcome]]) => outcome),
  };
}

/** Every configuration of every space. */
async function enumerated(
  jobs: readonly Job[],
  ledger: Ledger,
): Promise<(readonly [string, Found])[]> {
  const found = await ledger.evaluate(
    jobs.map(({ partition, space }) => ({
      partition,
      configurations: exhaustive(space.size).ask(space.size).map(space.at),
    })),
  );
  return jobs.map(({ partition: { key }, space: { size } }, i) => {
    const outcome: Outcome = { partition: key, space: size, evaluated: size, stop: "exhausted" };
    return [key, [[...at(found, i)].sort(compareEvaluations), outcome]];
  });
}

function partitionSearch(
  { partition, space }: Job,
  residuals: LearnedError | null,
  options: SearchOptions,
): PartitionSearch {
  const { seed, static_power_w, runs } = options;
  const rng = forkRng(seed, partition.key);
  const common = { partition, space, residuals, static_power_w };
  const count = runs === undefined ? 1 : need(runs, partition.key);
  if (residuals === null) {
    // No prior: where costs are modelled that would evaluate everything.
    const strategy = surrogate(space, { rng, static_power_w });
    return new PartitionSearch({ ...common, runs: count, strategy });
  }
  const prior = (index: number) => residuals.cost(partition, space.at(index));
  const hopes = () =>
    space.size <= ENUMERATED ? promising(space.size, prior, static_power_w) : [];
  const strategy = surrogate(space, { rng, static_power_w, prior, hopes });
  return new PartitionSearch({ ...common, runs: count, strategy });
}
