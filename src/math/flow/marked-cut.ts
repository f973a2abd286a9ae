import { hotInt } from "../../base/need.js";
import type { ActivityGraph } from "./activity-graph.js";
import type { CutFinder } from "./cut.js";
import { SpanningTree } from "./spanning-tree.js";

/** Cuts of any graph: the arcs that leave the smaller of the two parts. */
export class MarkedCut implements CutFinder {
  readonly crossing: Int32Array;
  readonly #tree: SpanningTree;
  /** Residual arcs of each event: 2a leads along arc a, 2a + 1 back. */
  readonly #firstOut: Int32Array;
  readonly #out: Int32Array;
  /** Where each residual arc leads. */
  readonly #end: Int32Array;
  #node = 0;

  /** @param arcTo the arc to each event but the source, in a spanning tree */
  constructor(graph: ActivityGraph, arcTo: Int32Array) {
    const { tail, head, source } = graph;
    this.#end = new Int32Array(2 * tail.length);
    for (let a = 0; a < tail.length; a++) {
      this.#end[2 * a] = hotInt(head, a);
      this.#end[2 * a + 1] = hotInt(tail, a);
    }
    [this.#firstOut, this.#out] = residualArcs(graph);
    this.#tree = new SpanningTree(source, this.#end, arcTo.slice());
    this.crossing = new Int32Array(tail.length);
  }

  find(node: number, arcToIt: number): number {
    this.#node = node;
    const [tree, end, firstOut, out] = [this.#tree, this.#end, this.#firstOut, this.#out];
    // Arcs are listed as they leave the marked part, which may be the one away from the root.
    const flip = tree.mark(node) ? 1 : 0;
    const { marked, markedCount } = tree;
    let count = 0;
    for (let q = 0; q < markedCount; q++) {
      const v = hotInt(marked, q);
      const stop = hotInt(firstOut, v + 1);
      for (let k = hotInt(firstOut, v); k < stop; k++) {
        const leaving = hotInt(out, k);
        if (tree.isMarked(hotInt(end, leaving))) continue;
        if (leaving >> 1 !== arcToIt >> 1) this.crossing[count++] = leaving ^ flip;
      }
    }
    return count;
  }

  join(k: number): void {
    this.#tree.join(this.#node, hotInt(this.crossing, k));
  }
}

/** Where each event's residual arcs begin in the list that follows. */
function residualArcs({ events, tail, head }: ActivityGraph): [Int32Array, Int32Array] {
  const first = new Int32Array(events + 1);
  for (const ends of [tail, head]) {
    for (const event of ends) first[event + 1] = hotInt(first, event + 1) + 1;
  }
  for (let v = 0; v < events; v++) first[v + 1] = hotInt(first, v + 1) + hotInt(first, v);
  const out = new Int32Array(2 * tail.length);
  const next = first.slice();
  const add = (event: number, arc: number) => {
    const place = hotInt(next, event);
    out[place] = arc;
    next[event] = place + 1;
  };
  for (let a = 0; a < tail.length; a++) {
    add(hotInt(tail, a), 2 * a);
    add(hotInt(head, a), 2 * a + 1);
  }
  return [first, out];
}
