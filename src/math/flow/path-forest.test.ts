import fc from "fast-check";
import { expect, test } from "vitest";
import { PathForest } from "./path-forest.js";

const VERTICES = 8;

/** An arc of a plain tree, with what may be taken along it and back. */
interface Arc {
  readonly number: number;
  readonly from: number;
  readonly to: number;
  along: number;
  back: number;
}

/** The arcs on the way from one vertex to another, each with whether the way leads along it. */
function wayBetween(arcs: readonly Arc[], from: number, to: number, last = -1): [Arc, boolean][] {
  if (from === to) return [];
  for (const arc of arcs) {
    if (arc.number === last || (arc.from !== from && arc.to !== from)) continue;
    const isAlong = arc.from === from;
    const next = isAlong ? arc.to : arc.from;
    if (next === to) return [[arc, isAlong]];
    const rest = wayBetween(arcs, next, to, arc.number);
    if (rest.length > 0) return [[arc, isAlong], ...rest];
  }
  return [];
}

test("takes from ways, and finds and replaces the first of their least arcs, like a plain tree", () => {
  const vertex = fc.nat({ max: VERTICES - 1 });
  const amount = fc.nat({ max: 9 });
  const move = fc.record({ from: vertex, to: vertex, near: vertex, far: vertex, along: amount });
  fc.assert(
    fc.property(fc.array(move, { maxLength: 40 }), (moves) => {
      const forest = new PathForest(2 * VERTICES);
      const arcs: Arc[] = [];
      for (let v = 1; v < VERTICES; v++) {
        arcs.push({ number: VERTICES + v, from: v - 1, to: v, along: v, back: 3 });
        forest.set(VERTICES + v, v, 3, false);
        forest.hang(v, VERTICES + v);
        forest.hang(VERTICES + v, v - 1);
      }
      for (const { from, to, near, far, along } of moves) {
        const way = wayBetween(arcs, from, to);
        const aheads = way.map(([arc, isAlong]) => (isAlong ? arc.along : arc.back));
        const least = Math.min(...aheads);
        forest.root(from);
        forest.expose(to);
        const first = forest.first(to);
        const [arc, isAlong] = way[aheads.indexOf(least)] ?? [];
        expect(first).toBe(arc === undefined ? -1 : arc.number);
        if (arc === undefined) continue;
        expect(forest.aheadOf(first)).toBe(least);
        expect(forest.isBackward(first)).toBe(!isAlong);
        forest.take(first, least);
        for (const [each, leadsAlong] of way) {
          each.along -= leadsAlong ? least : -least;
          each.back += leadsAlong ? least : -least;
        }
        const others = arcs.filter((each) => each !== arc);
        const isNear = (v: number) => v === from || wayBetween(others, from, v).length > 0;
        if (!isNear(near) || isNear(far)) continue;
        forest.cut(first);
        forest.root(far);
        forest.set(first, along, 2, false);
        forest.hang(far, first);
        forest.hang(first, near);
        arcs.splice(arcs.indexOf(arc), 1, { number: first, from: near, to: far, along, back: 2 });
      }
    }),
    { seed: 21, numRuns: 300 },
  );
});
