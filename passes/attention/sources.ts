import { at } from "../../src/base/need.js";
import type { TensorNode } from "../../src/ir/tensor-graph.js";
import type { GraphIndex } from "../rewriting/graph-index.js";
import { before, type Layout, type Placed, type Span, sizeOf } from "./layouts.js";

/** A tensor that holds an operand of attention, and the nodes between it and the product. */
export interface Source extends Placed {
  readonly nodes: readonly TensorNode[];
}

const FARTHEST = 16;

/** An operand as the product reads it, and before each view, repetition and scaling of it. */
export function sourcesOf(index: GraphIndex, name: string, layout: Layout): readonly Source[] {
  const sources: Source[] = [{ name, layout, nodes: [] }];
  for (let step = 0; step < FARTHEST; step++) {
    const last = at(sources, -1);
    const node = index.producer(last.name);
    if (node === undefined || node.direction !== "forward") break;
    const earlier = before(index, node, last.layout);
    if (earlier === null) break;
    sources.push({ ...earlier, nodes: [node, ...last.nodes] });
  }
  return sources;
}

/** Elements of a layout. */
export function elementsOf(layout: Layout): number {
  return layout.reduce((product, axis) => product * sizeOf(axis), 1);
}

/** The places at which spans of each root are cut, anywhere. */
export class Cuts {
  readonly #cuts = new Map<string, Set<number>>();

  add(layouts: readonly Layout[]): void {
    for (const { root, high, low } of layouts.flat(2)) {
      const known = this.#cuts.get(root) ?? new Set();
      this.#cuts.set(root, known.add(high).add(low));
    }
  }

  /** The same layout in the smallest parts; null where cuts do not nest. */
  refine(layout: Layout): Layout | null {
    const axes = layout.map((axis) => {
      const parts = axis.map((span) => this.#parts(span));
      return parts.every((part) => part !== null) ? parts.flat() : null;
    });
    return axes.every((axis) => axis !== null) ? axes : null;
  }

  #parts({ root, high, low }: Span): Span[] | null {
    const all = [...(this.#cuts.get(root) ?? [])].sort((a, b) => b - a);
    const inside = all.filter((cut) => cut <= high && cut >= low);
    const nests = inside.every((cut, i) => i === 0 || at(inside, i - 1) % cut === 0);
    if (!nests) return null;
    return inside.slice(1).map((cut, i) => ({ root, high: at(inside, i), low: cut }));
  }
}
