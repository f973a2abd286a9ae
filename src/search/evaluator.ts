import type { CostOracle } from "../cost/index.js";
import type { Configuration, Cost } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";

/** Ways to run one partition type, to be evaluated together. */
export interface Batch {
  readonly partition: PartitionType;
  readonly configurations: readonly Configuration[];
}

/** The answering side of a search: this thread, worker threads, or a GPU. */
export interface Evaluator {
  /** Configurations that a batch may hold. A killed run loses open batches: live, it is one. */
  readonly batch: number;
  /** Batches that may be open at once. */
  readonly parallel: number;
  /** Whether every answer is a new measurement: dear, noisy, and never the same twice. */
  readonly live: boolean;
  /** Costs in the order of the configurations. */
  readonly evaluate: (batch: Batch) => Promise<readonly Cost[]>;
}

/** An evaluator that is to be closed: that ends its threads, busy or not. */
export interface OpenEvaluator extends Evaluator {
  readonly close: () => Promise<void>;
}

/** Batches small enough that a kill loses little. */
export const MODELLED_BATCH = 2048;

/** Asks an oracle in this thread, giving way between batches so that a signal can arrive. */
export function inlineEvaluator(oracle: CostOracle): Evaluator {
  return {
    batch: MODELLED_BATCH,
    parallel: 1,
    live: false,
    evaluate: async ({ partition, configurations }) => {
      await new Promise((resume) => setImmediate(resume));
      return configurations.map((configuration) => oracle.cost(partition, configuration));
    },
  };
}
