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

/** A search under way, batch by batch, so that several can share a budget. */
export interface Search {
  /** In order of asking. */
  readonly observations: readonly Observation[];
  /** Null while it goes on. */
  readonly stop: Stop | null;
  /** Asks, evaluates and tells one batch; returns why the search ended, null if it did not. */
  readonly step: () => Stop | null;
}

/**
 * Asks the strategy, evaluates, tells it. The answers may come from anywhere: a table, a model, a
 * GPU, or what an interrupted run recorded; a strategy that is told the same asks the same.
 */
export function startSearch(
  strategy: Strategy,
  evaluate: (indices: readonly number[]) => readonly Observation[],
  { budget, batch, converged }: SearchOptions,
): Search {
  const observations: Observation[] = [];
  let stop: Stop | null = budget > 0 ? null : "budget";
  const step = (): Stop | null => {
    if (stop !== null) return stop;
    const asked = strategy.ask(Math.min(batch, budget - observations.length));
    if (asked.length === 0) {
      stop = "exhausted";
      return stop;
    }
    const told = evaluate(asked);
    strategy.tell(told);
    observations.push(...told);
    if (observations.length >= budget) stop = "budget";
    else if (converged?.(observations)) stop = "converged";
    return stop;
  };
  return {
    observations,
    get stop() {
      return stop;
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
