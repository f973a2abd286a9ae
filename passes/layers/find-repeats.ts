/** A stretch of a sequence that consists of equal blocks. */
export interface Repeats {
  readonly start: number;
  readonly period: number;
  readonly count: number;
}

/**
 * The longest stretch of `symbols` made of at least two equal consecutive blocks, each holding an
 * anchor; the shortest block among equals, then the earliest. Null if there is none.
 */
export function findRepeats(
  symbols: readonly number[],
  isAnchor: readonly boolean[],
): Repeats | null {
  const anchorsBefore = prefixCounts(isAnchor);
  let best: Repeats | null = null;
  for (let period = 1; period * 2 <= symbols.length; period++) {
    let start = 0;
    for (let i = 0; i + period <= symbols.length; i++) {
      if (i + period < symbols.length && symbols[i] === symbols[i + period]) continue;
      const count = Math.floor((i - start + period) / period);
      const anchors = (anchorsBefore[start + period] ?? 0) - (anchorsBefore[start] ?? 0);
      const covered = best === null ? 0 : best.period * best.count;
      if (count >= 2 && anchors > 0 && count * period > covered) best = { start, period, count };
      start = i + 1;
    }
  }
  return best;
}

function prefixCounts(flags: readonly boolean[]): Int32Array {
  const counts = new Int32Array(flags.length + 1);
  for (const [i, flag] of flags.entries()) counts[i + 1] = (counts[i] ?? 0) + (flag ? 1 : 0);
  return counts;
}
