import type { Configuration, Evaluation } from "../../ir/configuration.js";

/** Decides what to evaluate next, from what was evaluated so far. */
export interface Strategy {
  /** Up to `count` configurations not asked for before; none: the strategy is done. */
  readonly ask: (count: number) => readonly Configuration[];
  /** What the asked configurations cost. */
  readonly tell: (evaluations: readonly Evaluation[]) => void;
}
