import { at } from "../base/need.js";
import type { Configuration, Evaluation } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";
import type { Batch, Evaluator } from "./evaluator.js";
import type { Journal } from "./journal.js";

/**
 * Everything that is evaluated passes here: what an earlier run recorded is read back, the rest is
 * evaluated and recorded. Records are in the order of asking, whichever thread is done first, so a
 * killed run leaves a beginning of what an undisturbed one writes.
 */
export interface Ledger {
  /** The evaluations of every batch, in their order. */
  readonly evaluate: (batches: readonly Batch[]) => Promise<readonly (readonly Evaluation[])[]>;
}

interface LedgerOptions {
  readonly evaluator: Evaluator;
  readonly journal: Journal;
  readonly signal?: AbortSignal | undefined;
  /** Called for every configuration that has its cost. */
  readonly onEvaluated?: (() => void) | undefined;
}

/** Configurations of one batch that go to the evaluator together. */
interface Piece {
  /** The batch they belong to, and where in it. */
  readonly batch: number;
  readonly partition: PartitionType;
  readonly open: readonly { readonly place: number; readonly configuration: Configuration }[];
}

/** Runs jobs, `parallel` at once, and hands over their results in the order of the jobs. */
async function inOrder<Job, Result>(
  jobs: Iterable<Job>,
  parallel: number,
  run: (job: Job) => Promise<Result>,
  done: (job: Job, result: Result) => void,
): Promise<void> {
  const open: { readonly job: Job; readonly result: Promise<Result> }[] = [];
  const settle = async () => {
    const first = open.shift();
    if (first !== undefined) done(first.job, await first.result);
  };
  for (const job of jobs) {
    const result = run(job);
    // A failure is heard when its turn comes; until then it must not count as unheard.
    result.catch(() => {});
    open.push({ job, result });
    if (open.length >= parallel) await settle();
  }
  while (open.length > 0) await settle();
}

/** Opens the books of one run. An aborted one fails with the signal's reason. */
export function openLedger({ evaluator, journal, signal, onEvaluated }: LedgerOptions): Ledger {
  const evaluate = async (batches: readonly Batch[]) => {
    const found = batches.map(({ configurations }) => new Array<Evaluation>(configurations.length));
    const keep = (batch: number, place: number, evaluation: Evaluation) => {
      at(found, batch)[place] = evaluation;
      onEvaluated?.();
    };
    /** What is not recorded, in pieces that the evaluator takes. */
    function* missing(): Iterable<Piece> {
      for (const [batch, { partition, configurations }] of batches.entries()) {
        let open: { place: number; configuration: Configuration }[] = [];
        for (const [place, configuration] of configurations.entries()) {
          const cost = journal.take(partition.key, configuration);
          if (cost === null) open.push({ place, configuration });
          else keep(batch, place, { partition: partition.key, ...configuration, ...cost });
          if (open.length < evaluator.batch) continue;
          yield { batch, partition, open };
          open = [];
        }
        if (open.length > 0) yield { batch, partition, open };
      }
    }
    const run = async ({ partition, open }: Piece): Promise<Evaluation[]> => {
      signal?.throwIfAborted();
      const configurations = open.map(({ configuration }) => configuration);
      const costs = await evaluator.evaluate({ partition, configurations });
      if (costs.length !== open.length) throw new Error(`costs are missing for ${partition.key}`);
      return costs.map((cost, i) => ({
        partition: partition.key,
        ...at(configurations, i),
        ...cost,
      }));
    };
    await inOrder(missing(), evaluator.parallel, run, ({ batch, open }, evaluations) => {
      journal.append(evaluations);
      for (const [i, { place }] of open.entries()) keep(batch, place, at(evaluations, i));
    });
    return found;
  };
  return { evaluate };
}
