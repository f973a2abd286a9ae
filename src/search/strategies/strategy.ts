/** What one candidate cost: time and total energy on one GPU. */
export interface Observation {
  /** The candidate, an index of the space. */
  readonly index: number;
  readonly time_s: number;
  /** Static energy included. */
  readonly energy_j: number;
}

/**
 * Decides what to evaluate next, from what was evaluated so far: candidates and their costs by index, so
 * that a strategy knows nothing of partitions. It depends on its seed and what it is told alone; told
 * the same it asks the same, so that a killed run is replayed instead of restored.
 */
export interface Strategy {
  /**
   * Up to `count` candidates, by index. Not asked for before, unless the strategy doubts what it was
   * told and wants it again. None: the strategy is done.
   */
  ask(count: number): readonly number[];
  /** What candidates cost, in the order of asking. */
  tell(observations: readonly Observation[]): void;
}
