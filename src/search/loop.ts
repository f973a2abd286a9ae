import type { Observation, Strategy } from "./strategies/strategy.js";

/** Why a search ended: nothing left to spend, nothing left to gain, nothing left to ask. */
export type Stop = "budget" | "converged" | "exhausted";

/** Whether what was observed, in order of asking, says that more is not worth its price. */
export type Converged = (observations: readonly Observation[]) => boolean;

interface SearchOptions {
  /** Evaluations in all. */
  readonly budget: number;
  /** Evaluations per batch. */
  readonly batch: number;
  /** Asked after each batch; absent: only the budget ends the search. */
  readonly converged?: Converged;
}

/** A search whose evaluations come from elsewhere, by and by. */
interface OpenSearch {
  /** In order of asking. */
  readonly observations: readonly Observation[];
  /** Null while it goes on. */
  readonly stop: Stop | null;
  /** The next batch, of `most` at most; none: the search has ended. */
  readonly ask: (most: number) => readonly number[];
  /** What came of the batch. */
  readonly tell: (observations: readonly Observation[]) => void;
}

/** A search under way, batch by batch. */
interface Search extends Pick<OpenSearch, "observations" | "stop"> {
  /** Asks, evaluates and tells one batch; returns why the search ended, null if it did not. */
  readonly step: () => Stop | null;
}

/**
 * Asks the strategy and tells it, until the budget is spent, more does not pay, or nothing is left.
 * The answers may come from anywhere: a table, a model, a GPU, or what an interrupted run recorded;
 * a strategy that is told the same asks the same.
 */
export function openSearch(
  strategy: Strategy,
  { budget, batch, converged }: SearchOptions,
): OpenSearch {
  const observations: Observation[] = [];
  let stop: Stop | null = budget > 0 ? null : "budget";
  return {
    observations,
    get stop() {
      return stop;
    },
    ask: (most) => {
      if (stop !== null) return [];
      const asked = strategy.ask(Math.min(batch, budget - observations.length, most));
      if (asked.length === 0) stop = "exhausted";
      return asked;
    },
    tell: (told) => {
      strategy.tell(told);
      observations.push(...told);
      if (observations.length >= budget) stop = "budget";
      else if (converged?.(observations)) stop = "converged";
    },
  };
}

/** The same with the evaluations at hand. */
export function startSearch(
  strategy: Strategy,
  evaluate: (indices: readonly number[]) => readonly Observation[],
  options: SearchOptions,
): Search {
  const search = openSearch(strategy, options);
  const step = (): Stop | null => {
    const asked = search.ask(options.batch);
    if (asked.length > 0) search.tell(evaluate(asked));
    return search.stop;
  };
  return {
    observations: search.observations,
    get stop() {
      return search.stop;
    },
    step,
  };
}

/** Runs a search to its end. */
export function finish(search: Search): Stop {
  for (;;) {
    const stop = search.step();
    if (stop !== null) return stop;
  }
}
