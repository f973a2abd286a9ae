import { at } from "../base/need.js";
import { allocate } from "./allocate.js";
import type { Ledger } from "./ledger.js";
import type { PartitionSearch } from "./partition.js";

/** What the first round may spend of every type's budget, before any of them is favoured. */
const FAIR = 0.5;

/** Evaluations that a round deals out at once. */
const UNIT = 16;

/** A doubted configuration is measured this many times at most. */
const TRIALS = 3;

/**
 * Spends a budget (evaluations per search, on average) on several searches, round by round: first
 * half of it evenly (but to each at least what baselines need), then where an iteration is expected to
 * gain most. Every wave waits for all its evaluations, and every decision is made from them, so
 * nothing depends on which came first. Returns when the budget is spent or no search goes on.
 */
export async function searchInRounds(
  searches: readonly PartitionSearch[],
  ledger: Ledger,
  budget: number,
): Promise<void> {
  const fair = searches.map(({ least }) => Math.max(least, Math.ceil(FAIR * budget)));
  let left = budget * searches.length - (await spend(searches, fair, ledger));
  for (;;) {
    const active = searches.filter((search) => search.active);
    if (left <= 0 || active.length === 0) return;
    const units = Math.min(active.length, Math.ceil(left / UNIT));
    const given = allocate(
      units,
      active.map((search) => search.expectedGain),
    );
    // The last unit may be a part of one.
    const shares = given.map((count) => Math.min(count * UNIT, left));
    left -= await spend(active, capped(shares, left), ledger);
  }
}

/** The shares, cut so that they add up to `left` at most; the first are served first. */
function capped(shares: readonly number[], left: number): number[] {
  let rest = left;
  return shares.map((share) => {
    const kept = Math.min(share, rest);
    rest -= kept;
    return kept;
  });
}

/** Runs waves until every search has spent its share or ended; what was spent. */
async function spend(
  searches: readonly PartitionSearch[],
  shares: readonly number[],
  ledger: Ledger,
): Promise<number> {
  const rest = [...shares];
  let spent = 0;
  for (;;) {
    const wave = searches.flatMap((search, i) => {
      const most = at(rest, i);
      const asked = most > 0 ? search.ask(most) : [];
      return asked.length > 0 ? [{ search, i, asked }] : [];
    });
    if (wave.length === 0) return spent;
    const counts = await evaluate(wave, ledger);
    for (const [k, { search, i }] of wave.entries()) {
      search.learn();
      const count = at(counts, k);
      rest[i] = at(rest, i) - count;
      spent += count;
    }
  }
}

interface Asked {
  readonly search: PartitionSearch;
  readonly asked: readonly number[];
}

/** Evaluates what was asked, and what is doubted of it again; how much each search spent. */
async function evaluate(wave: readonly Asked[], ledger: Ledger): Promise<number[]> {
  const counts = wave.map(() => 0);
  let open: readonly (readonly number[])[] = wave.map(({ asked }) => asked);
  for (let trial = 0; trial < TRIALS && open.some((indices) => indices.length > 0); trial++) {
    const found = await ledger.evaluate(wave.map(({ search }, k) => search.batchOf(at(open, k))));
    open = wave.map(({ search }, k) => {
      const indices = at(open, k);
      counts[k] = at(counts, k) + indices.length;
      search.hear(indices, at(found, k));
      return search.doubts();
    });
  }
  return counts;
}
