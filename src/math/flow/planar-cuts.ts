import { hotFloat, hotInt } from "../../base/need.js";
import type { Faces } from "./activity-graph.js";
import type { Cuts } from "./cuts.js";
import { PathForest } from "./path-forest.js";

/**
 * Cuts of a graph drawn in the plane. The arcs outside a spanning tree make a spanning tree of the
 * faces (Tutte's interdigitating trees), and the way through it between the two faces beside an arc
 * of the first crosses exactly the arcs that join the parts.
 */
export class PlanarCuts implements Cuts {
  least = Number.POSITIVE_INFINITY;
  readonly #faces: Faces;
  /** Faces, then arcs. */
  readonly #forest: PathForest;
  #leaving = 0;
  /** The faces on both sides of the cut: a way from near to far crosses arc a by dart 2a from its right. */
  #near = 0;
  #far = 0;
  #top = 0;

  /** @param slack of each dart by how much its ends can come closer */
  constructor(faces: Faces, isInTree: Uint8Array, slack: Float64Array) {
    const { count, left } = faces;
    const { first, out, end } = faces.darts;
    this.#faces = faces;
    this.#forest = new PathForest(count + left.length);
    const isReached = new Uint8Array(count);
    const reached = new Int32Array(count);
    let reach = 1;
    isReached[0] = 1;
    for (let k = 0; k < reach; k++) {
      const face = hotInt(reached, k);
      for (let d = hotInt(first, face); d < hotInt(first, face + 1); d++) {
        const dart = hotInt(out, d);
        const other = hotInt(end, dart);
        if (isInTree[dart >> 1] === 1 || isReached[other] === 1) continue;
        isReached[other] = 1;
        reached[reach++] = other;
        this.#join(other, dart, face, hotFloat(slack, dart), hotFloat(slack, dart ^ 1));
      }
    }
  }

  find(leaving: number): number {
    const { left, right } = this.#faces;
    const isForward = (leaving & 1) === 0;
    this.#leaving = leaving;
    this.#near = hotInt(isForward ? left : right, leaving >> 1);
    this.#far = hotInt(isForward ? right : left, leaving >> 1);
    const forest = this.#forest;
    forest.root(this.#near);
    forest.expose(this.#far);
    const first = forest.first(this.#far);
    this.#top = first < 0 ? this.#far : first;
    this.least = forest.aheadOf(this.#top);
    if (first < 0) return -1;
    return 2 * (first - this.#faces.count) + (forest.isBackward(first) ? 1 : 0);
  }

  close(step: number): void {
    this.#forest.take(this.#top, step);
  }

  exchange(closer: number, apart: number): void {
    this.#forest.cut(this.#top);
    this.#forest.root(this.#far);
    this.#join(this.#far, this.#leaving ^ 1, this.#near, apart, closer);
  }

  /** Hangs a tree of faces, by its root, on a face, from which a dart leads across to it. */
  #join(root: number, dart: number, face: number, ahead: number, back: number): void {
    const node = this.#faces.count + (dart >> 1);
    this.#forest.set(node, ahead, back, (dart & 1) === 1);
    this.#forest.hang(root, node);
    this.#forest.hang(node, face);
  }
}
