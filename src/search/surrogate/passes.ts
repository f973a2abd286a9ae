import { addTo, at, need } from "../../base/need.js";

/** Why a candidate was chosen. */
export type Pass = "total" | "dynamic" | "time" | "uncertainty";

type SharesByPass = Readonly<Record<Pass, number>>;

/** At the start: the two trade-offs are what counts, the others keep the model honest. */
const SHARES: SharesByPass = { total: 0.45, dynamic: 0.45, time: 0.05, uncertainty: 0.05 };

/** While evaluations are few and a prior is there: what the trade-offs gain comes first. */
export const FIRST_SHARES: SharesByPass = {
  total: 0.7,
  dynamic: 0.27,
  time: 0.015,
  uncertainty: 0.015,
};
const PASSES: readonly Pass[] = ["total", "dynamic", "time", "uncertainty"];

/** A pass that stopped paying keeps this part of its share: it may pay again. */
const KEPT = 0.5;
/** How fast old payments are forgotten, per payment. */
const MEMORY = 0.9;

/** Shares of the evaluations by pass. */
interface Shares {
  /** The pass that is farthest behind its share. */
  readonly next: () => Pass;
  /** A candidate of that pass was measured and improved the frontiers by `gain`. */
  readonly pay: (pass: Pass, gain: number) => void;
}

/**
 * Hands evaluations out by share. Half of every share is fixed; the other halves go to the passes in
 * proportion to share x gain per evaluation.
 */
export function adaptiveShares(shares: SharesByPass = SHARES): Shares {
  const due = new Map<Pass, number>(PASSES.map((pass) => [pass, 0]));
  const gains = new Map<Pass, number>(PASSES.map((pass) => [pass, 0]));
  const next = (): Pass => {
    const paid = PASSES.map((pass) => shares[pass] * need(gains, pass));
    const sum = paid.reduce((total, gain) => total + gain, 0);
    PASSES.forEach((pass, i) => {
      const earned = sum > 0 ? at(paid, i) / sum : shares[pass];
      due.set(pass, need(due, pass) + KEPT * shares[pass] + (1 - KEPT) * earned);
    });
    const chosen = PASSES.reduce((a, b) => (need(due, b) > need(due, a) ? b : a));
    addTo(due, chosen, -1);
    return chosen;
  };
  const pay = (pass: Pass, gain: number) => {
    gains.set(pass, MEMORY * need(gains, pass) + (1 - MEMORY) * gain);
  };
  return { next, pay };
}
