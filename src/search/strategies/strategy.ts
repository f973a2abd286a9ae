/** What one candidate cost: time and total energy on one GPU. */
export interface Observation {
  /** The candidate, an index of the space. */
  readonly index: number;
  readonly time_s: number;
  /** Static energy included. */
  readonly energy_j: number;
}

/** Decides what to evaluate next, from what was evaluated so far. */
export interface Strategy {
  /**
   * Up to `count` candidates, by index. Not asked for before, unless the strategy doubts what it was
   * told and wants it again. None: the strategy is done.
   */
  ask(count: number): readonly number[];
  /** What candidates cost, in the order of asking. */
  tell(observations: readonly Observation[]): void;
}
