import type { Rng } from "../../src/base/rng.js";
import { shuffled } from "../../src/search/shuffle.js";
import type { Space } from "../../src/search/space.js";
import type { Strategy } from "../../src/search/strategies/strategy.js";

/** The candidates that the space wants first, then the rest in uniformly random order, none twice. */
export function random(space: Space, rng: Rng): Strategy {
  const first = new Set(space.first);
  const waiting = [...first];
  const draw = shuffled(space.size, rng);
  const ask = (count: number): number[] => {
    const batch = waiting.splice(0, count);
    while (batch.length < count) {
      const index = draw();
      if (index === null) break;
      if (!first.has(index)) batch.push(index);
    }
    return batch;
  };
  return { ask, tell: () => {} };
}
