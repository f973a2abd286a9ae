import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { growth } from "../../test/support/growth.js";
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

function chaos(size: number): number[] {
  let state = 1;
  return Array.from({ length: size }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return state % 97;
  });
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

  it("finds layers among very many symbols, and none in chaos, in no quadratic time", () => {
    const every = (symbols: readonly number[]) => symbols.map(() => true);
    const layers = (size: number) => Array.from({ length: size }, (_, i) => (i * i) % 50);
    const many = layers(100_000);
    expect(findRepeats(many, every(many))).toMatchObject({ period: 50, count: 2000 });
    const noise = chaos(100_000);
    const chance = findRepeats(noise, every(noise));
    expect((chance?.count ?? 0) * (chance?.period ?? 0)).toBeLessThan(20);
    for (const kind of [layers, chaos]) {
      const times = growth(400_000, (size) => {
        const symbols = kind(size);
        return () => findRepeats(symbols, every(symbols));
      });
      expect(times).toBeLessThan(12);
    }
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
