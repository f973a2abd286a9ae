/** Why a candidate was chosen. */
export type Pass = "total" | "dynamic" | "time" | "uncertainty";

/** At the start: the two trade-offs are what counts, the others keep the model honest. */
const SHARES: Readonly<Record<Pass, number>> = {
  total: 0.45,
  dynamic: 0.45,
  time: 0.05,
  uncertainty: 0.05,
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
  /** A candidate of that pass was measured and improved the frontiers by so much. */
  readonly pay: (pass: Pass, gain: number) => void;
}

/**
 * Hands evaluations out by share. Half of every share is fixed; the other halves go to the passes in
 * proportion to share x gain per evaluation.
 */
export function adaptiveShares(): Shares {
  const due = new Map<Pass, number>(PASSES.map((pass) => [pass, 0]));
  const gains = new Map<Pass, number>(PASSES.map((pass) => [pass, 0]));
  const next = (): Pass => {
    const paid = PASSES.map((pass) => SHARES[pass] * (gains.get(pass) ?? 0));
    const sum = paid.reduce((total, gain) => total + gain, 0);
    PASSES.forEach((pass, i) => {
      const earned = sum > 0 ? (paid[i] as number) / sum : SHARES[pass];
      due.set(pass, (due.get(pass) ?? 0) + KEPT * SHARES[pass] + (1 - KEPT) * earned);
    });
    const chosen = PASSES.reduce((a, b) => ((due.get(b) ?? 0) > (due.get(a) ?? 0) ? b : a));
    due.set(chosen, (due.get(chosen) ?? 0) - 1);
    return chosen;
  };
  const pay = (pass: Pass, gain: number) => {
    gains.set(pass, MEMORY * (gains.get(pass) ?? 0) + (1 - MEMORY) * gain);
  };
  return { next, pay };
}
