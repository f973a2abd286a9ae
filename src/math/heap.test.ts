import fc from "fast-check";
import { expect, test } from "vitest";
import { IndexedHeap } from "./heap.js";

test("gives items in order of their lowest key, and is empty after clear", () => {
  const offers = fc.array(fc.tuple(fc.nat({ max: 19 }), fc.integer({ min: 0, max: 50 })));
  const heap = new IndexedHeap(20);
  fc.assert(
    fc.property(offers, (list) => {
      const keys = new Map<number, number>();
      for (const [item, key] of list) {
        // A key may fall, not rise.
        if (key > (keys.get(item) ?? 50)) continue;
        keys.set(item, key);
        heap.offer(item, key);
      }
      expect(heap.length).toBe(keys.size);
      const half = Math.floor(keys.size / 2);
      const popped = Array.from({ length: half }, () => keys.get(heap.pop()));
      const sorted = [...keys.values()].sort((a, b) => a - b);
      expect(popped).toEqual(sorted.slice(0, half));
      heap.clear();
      expect(heap.length).toBe(0);
    }),
    { seed: 13, numRuns: 300 },
  );
});
