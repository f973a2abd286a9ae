import fc from "fast-check";
import { expect, test } from "vitest";
import { SpanningTree } from "./spanning-tree.js";

const NODES = 12;

/** An arc in both directions between any two nodes: 2k from the smaller to the larger, 2k + 1 back. */
const ends: number[] = [];
for (let a = 0; a < NODES; a++) for (let b = a + 1; b < NODES; b++) ends.push(b, a);

function arcBetween(from: number, to: number): number {
  return ends.findIndex((end, arc) => end === to && ends[arc ^ 1] === from);
}

test("keeps parents, arcs and marked sides while subtrees are hung elsewhere", () => {
  const moves = fc.array(fc.tuple(fc.nat({ max: NODES - 2 }), fc.nat(), fc.nat()));
  fc.assert(
    fc.property(moves, (list) => {
      const parents = Array.from({ length: NODES }, (_, v) => v - 1);
      const arcs = Int32Array.from(parents, (u, v) => (v === 0 ? -1 : arcBetween(u, v)));
      const tree = new SpanningTree(0, Int32Array.from(ends), arcs);
      const nodes = parents.map((_, v) => v);
      const inside = (v: number, top: number): boolean =>
        v === top || (v > 0 && inside(parents[v] ?? 0, top));
      for (const [number, pickInside, pickOutside] of list) {
        const top = number + 1;
        const own = nodes.filter((v) => inside(v, top));
        const others = nodes.filter((v) => !inside(v, top));
        const isOwn = tree.mark(top);
        const marked = isOwn ? own : others;
        expect(isOwn).toBe(own.length <= others.length);
        expect([...tree.marked.subarray(0, tree.markedCount)].sort((a, b) => a - b)).toEqual(
          marked,
        );
        expect(nodes.filter((v) => tree.isMarked(v))).toEqual(marked);

        const to = own[pickInside % own.length] ?? top;
        const from = others[pickOutside % others.length] ?? 0;
        tree.join(top, arcBetween(from, to));
        let [child, parent] = [to, from];
        for (;;) {
          const next = parents[child] ?? 0;
          parents[child] = parent;
          if (child === top) break;
          [child, parent] = [next, child];
        }
        for (const v of nodes.slice(1)) {
          expect(tree.parentOf(v)).toBe(parents[v]);
          expect(tree.arcTo(v)).toBe(arcBetween(parents[v] ?? 0, v));
        }
      }
      tree.markAll();
      const order = [...tree.marked];
      expect(order.toSorted((a, b) => a - b)).toEqual(nodes);
      for (const v of nodes.slice(1)) {
        expect(order.indexOf(tree.parentOf(v))).toBeLessThan(order.indexOf(v));
      }
    }),
    { seed: 21, numRuns: 200 },
  );
});
