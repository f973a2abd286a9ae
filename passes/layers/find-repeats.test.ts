import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findRepeats, type Repeats } from "./find-repeats.js";

/** Tries every start, period and count. */
function bruteForce(symbols: readonly number[], isAnchor: readonly boolean[]): number {
  let most = 0;
  for (let start = 0; start < symbols.length; start++) {
    for (let period = 1; start + 2 * period <= symbols.length; period++) {
      if (!isAnchor.slice(start, start + period).some(Boolean)) continue;
      for (let count = 2; start + count * period <= symbols.length; count++) {
        const block = symbols.slice(start, start + period).join();
        const next = start + (count - 1) * period;
        if (symbols.slice(next, next + period).join() !== block) break;
        most = Math.max(most, count * period);
      }
    }
  }
  return most;
}

function isRepeat(symbols: readonly number[], { start, period, count }: Repeats): boolean {
  const end = start + period * count;
  return symbols.slice(start, end - period).join() === symbols.slice(start + period, end).join();
}

describe("findRepeats", () => {
  it("finds layers between an embedding and a head", () => {
    const symbols = [9, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 7];
    const anchors = symbols.map((symbol) => symbol === 2);
    expect(findRepeats(symbols, anchors)).toEqual({ start: 1, period: 3, count: 3 });
  });

  it("finds nothing where nothing repeats around an anchor", () => {
    expect(findRepeats([1, 1, 1, 2], [false, false, false, true])).toBeNull();
    expect(findRepeats([], [])).toBeNull();
  });

  it("takes no quadratic time, with layers or without", () => {
    const start_ms = performance.now();
    const layers = Array.from({ length: 100_000 }, (_, i) => (i * i) % 50);
    expect(
      findRepeats(
        layers,
        layers.map(() => true),
      ),
    ).toMatchObject({ period: 50, count: 2000 });
    let state = 1;
    const chaos = Array.from({ length: 100_000 }, () => {
      state = (state * 48_271) % 2_147_483_647;
      return state % 97;
    });
    const chance = findRepeats(
      chaos,
      chaos.map(() => true),
    );
    expect((chance?.count ?? 0) * (chance?.period ?? 0)).toBeLessThan(20);
    expect(performance.now() - start_ms).toBeLessThan(3000);
  });

  it("covers as much as brute force does", () => {
    const sequence = fc.array(fc.nat({ max: 2 }), { maxLength: 14 });
    fc.assert(
      fc.property(sequence, (symbols) => {
        const anchors = symbols.map((symbol) => symbol === 0);
        const found = findRepeats(symbols, anchors);
        expect(found === null ? 0 : found.period * found.count).toBe(bruteForce(symbols, anchors));
        if (found !== null) expect(isRepeat(symbols, found)).toBe(true);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
});
