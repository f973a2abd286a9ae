import { hotInt } from "../../src/base/need.js";

/** A stretch of a sequence that consists of equal blocks. */
export interface Repeats {
  readonly start: number;
  readonly period: number;
  readonly count: number;
}

/**
 * The longest stretch of `symbols` made of at least two equal consecutive blocks, each holding an
 * anchor; the shortest block among equals, then the earliest. Null if there is none.
 * @param accepts what else blocks must be
 */
export function findRepeats(
  symbols: readonly number[],
  isAnchor: readonly boolean[],
  accepts: (found: Repeats) => boolean = () => true,
): Repeats | null {
  const anchorsBefore = prefixCounts(isAnchor);
  let best: Repeats | null = null;
  for (let period = 1; period * 2 <= symbols.length; period++) {
    const compared = symbols.length - period;
    const covered = best === null ? 0 : best.period * best.count;
    // A better stretch overlaps the best in more than a block of its own. Where one period is a multiple
    // of the other, that makes both one stretch of the shorter.
    const overlaps = 2 * covered - symbols.length >= period;
    if (best !== null && overlaps && period % best.period === 0) continue;
    // A better stretch equals itself shifted over at least `step` places: it cannot hide between
    // probes that far apart.
    const step = Math.max(period, covered - period + 1);
    for (let probe = step - 1; probe < compared; probe += step) {
      const { start, end } = equalRun(symbols, period, probe);
      if (start === end) continue;
      const count = Math.floor((end - start + period) / period);
      const anchors = hotInt(anchorsBefore, start + period) - hotInt(anchorsBefore, start);
      const most = best === null ? 0 : best.period * best.count;
      const found = { start, period, count };
      if (count >= 2 && anchors > 0 && count * period > most && accepts(found)) best = found;
      while (probe + step < end) probe += step;
    }
  }
  return best;
}

/** The places around `at` where symbols equal those one period on: [start, end). */
function equalRun(
  symbols: readonly number[],
  period: number,
  at: number,
): { readonly start: number; readonly end: number } {
  const equal = (i: number) =>
    i >= 0 && i + period < symbols.length && symbols[i] === symbols[i + period];
  if (!equal(at)) return { start: at, end: at };
  let [start, end] = [at, at + 1];
  while (equal(start - 1)) start--;
  while (equal(end)) end++;
  return { start, end };
}

function prefixCounts(flags: readonly boolean[]): Int32Array {
  const counts = new Int32Array(flags.length + 1);
  for (const [i, flag] of flags.entries()) counts[i + 1] = hotInt(counts, i) + (flag ? 1 : 0);
  return counts;
}
