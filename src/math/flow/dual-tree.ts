import { hot, hotInt } from "../../base/need.js";
import type { Faces } from "./activity-graph.js";
import type { CutFinder } from "./cut.js";

/**
 * Cuts of a graph drawn in the plane. The arcs outside a spanning tree make a spanning tree of the
 * faces (Tutte's interdigitating trees), and the way through it between the two faces beside a cut
 * arc crosses exactly the arcs that join the parts: finding a cut takes as long as it has arcs.
 */
export class DualTree implements CutFinder {
  readonly crossing: Int32Array;
  readonly #left: Int32Array;
  readonly #right: Int32Array;
  /** Of each face; -1: the root. */
  readonly #parent: Int32Array;
  /** Between a face and its parent: 2a where the face lies right of arc a, 2a + 1 where left. */
  readonly #arc: Int32Array;
  /** Faces on the way up from the near and from the far side of the cut, and the arcs crossed. */
  readonly #near: Int32Array;
  readonly #far: Int32Array;
  readonly #farArcs: Int32Array;
  #nearCount = 0;
  /** Where a face stands on these ways, counted on from cut to cut: even when near, odd when far. */
  readonly #mark: Int32Array;
  #nextMark = 2;
  #cut = 0;

  /** @param inTree whether an arc is in the spanning tree of nodes */
  constructor({ count, left, right }: Faces, inTree: (arc: number) => boolean) {
    this.#left = left;
    this.#right = right;
    this.#near = new Int32Array(count);
    this.#far = new Int32Array(count);
    this.#farArcs = new Int32Array(count);
    this.#mark = new Int32Array(count);
    this.crossing = new Int32Array(2 * count);
    const outside = Array.from(left.keys()).filter((arc) => !inTree(arc));
    [this.#parent, this.#arc] = spanning(count, left, right, outside);
  }

  find(_node: number, arcToIt: number): number {
    const isForward = (arcToIt & 1) === 0;
    this.#cut = arcToIt >> 1;
    const [near, far] = isForward ? [this.#left, this.#right] : [this.#right, this.#left];
    const farCount = this.#meet(hotInt(near, this.#cut), hotInt(far, this.#cut));
    let count = this.#nearCount;
    // From the far side the way leads up, into the near side down: seen from the other face.
    for (let k = 0; k < farCount; k++) this.crossing[count++] = hotInt(this.#farArcs, k) ^ 1;
    return count;
  }

  /** Walks up from both faces in turn until they meet; sets and returns the lengths of the ways. */
  #meet(nearFace: number, farFace: number): number {
    const [near, far, farArcs, crossing] = [this.#near, this.#far, this.#farArcs, this.crossing];
    const [parent, arc, mark] = [this.#parent, this.#arc, this.#mark];
    if (this.#nextMark > 2 ** 30) {
      mark.fill(0);
      this.#nextMark = 2;
    }
    const first = this.#nextMark;
    let [a, b] = [nearFace, farFace];
    let [nearCount, farCount] = [0, 0];
    for (;;) {
      if (a >= 0) {
        const met = hotInt(mark, a);
        if (met >= first) {
          farCount = (met - first) >> 1;
          break;
        }
        mark[a] = first + 2 * nearCount;
        near[nearCount] = a;
        crossing[nearCount++] = hotInt(arc, a);
        a = hotInt(parent, a);
      }
      if (b >= 0) {
        const met = hotInt(mark, b);
        if (met >= first) {
          nearCount = (met - first) >> 1;
          break;
        }
        mark[b] = first + 2 * farCount + 1;
        far[farCount] = b;
        farArcs[farCount++] = hotInt(arc, b);
        b = hotInt(parent, b);
      }
    }
    this.#nextMark = first + 2 * Math.max(near.length, 1);
    this.#nearCount = nearCount;
    return farCount;
  }

  join(k: number): void {
    const fromNear = k < this.#nearCount;
    const faces = fromNear ? this.#near : this.#far;
    const last = fromNear ? k : k - this.#nearCount;
    const sides = [hotInt(this.#left, this.#cut), hotInt(this.#right, this.#cut)] as const;
    let arc = 2 * this.#cut + (hotInt(faces, 0) === sides[1] ? 0 : 1);
    let parent = hotInt(faces, 0) === sides[1] ? sides[0] : sides[1];
    for (let i = 0; i <= last; i++) {
      const face = hotInt(faces, i);
      const before = hotInt(this.#arc, face);
      this.#parent[face] = parent;
      this.#arc[face] = arc;
      parent = face;
      arc = before ^ 1;
    }
  }
}

/** Parents of all faces, and the arcs between, in a tree of the given arcs. */
function spanning(
  count: number,
  left: Int32Array,
  right: Int32Array,
  arcs: readonly number[],
): [Int32Array, Int32Array] {
  const around: number[][] = Array.from({ length: count }, () => []);
  for (const arc of arcs) {
    hot(around, hotInt(left, arc)).push(arc);
    hot(around, hotInt(right, arc)).push(arc);
  }
  const parent = new Int32Array(count).fill(-1);
  const arcTo = new Int32Array(count).fill(-1);
  const reached = [0];
  for (const face of reached) {
    for (const arc of hot(around, face)) {
      if (arc === hotInt(arcTo, face) >> 1) continue;
      const isRight = hotInt(left, arc) === face;
      const other = hotInt(isRight ? right : left, arc);
      parent[other] = face;
      arcTo[other] = 2 * arc + (isRight ? 0 : 1);
      reached.push(other);
    }
  }
  return [parent, arcTo];
}
