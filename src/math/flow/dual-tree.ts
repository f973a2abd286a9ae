import { hotInt } from "../../base/need.js";
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
  /** The arc between a face and its parent. */
  readonly #arc: Int32Array;
  /** Where a face stands on the way up from one side of the cut, under the round's number. */
  readonly #round: Int32Array;
  readonly #place: Int32Array;
  #rounds = 0;
  /** Faces on the way up from both sides of the cut. */
  readonly #near: Int32Array;
  readonly #far: Int32Array;
  #nearCount = 0;
  #cut = 0;
  #nearFace = 0;
  #farFace = 0;

  /** @param inTree whether an arc is in the spanning tree of nodes */
  constructor({ count, left, right }: Faces, inTree: (arc: number) => boolean) {
    this.#left = left;
    this.#right = right;
    this.#round = new Int32Array(count);
    this.#place = new Int32Array(count);
    this.#near = new Int32Array(count);
    this.#far = new Int32Array(count);
    this.crossing = new Int32Array(2 * count);
    const outside = Array.from(left.keys()).filter((arc) => !inTree(arc));
    [this.#parent, this.#arc] = spanning(count, left, right, outside);
  }

  find(_node: number, arcToIt: number): number {
    const arc = arcToIt >> 1;
    const isForward = (arcToIt & 1) === 0;
    this.#cut = arc;
    this.#nearFace = hotInt(isForward ? this.#left : this.#right, arc);
    this.#farFace = hotInt(isForward ? this.#right : this.#left, arc);
    const [nearCount, farCount] = this.#meet();
    this.#nearCount = nearCount;
    let count = 0;
    // From the far side the way goes up, each arc crossed from a face to its parent; then down.
    for (let k = 0; k < nearCount; k++) {
      const face = hotInt(this.#near, k);
      const crossed = hotInt(this.#arc, face);
      this.crossing[count++] = 2 * crossed + (this.#right[crossed] === face ? 0 : 1);
    }
    for (let k = 0; k < farCount; k++) {
      const face = hotInt(this.#far, k);
      const crossed = hotInt(this.#arc, face);
      this.crossing[count++] = 2 * crossed + (this.#left[crossed] === face ? 0 : 1);
    }
    return count;
  }

  /** Walks up from both faces in turn until they meet; returns the lengths of both ways. */
  #meet(): [number, number] {
    const [near, far, parent] = [this.#near, this.#far, this.#parent];
    const [round, place] = [this.#round, this.#place];
    // Faces reached from near carry one number, those from far the next.
    const nearRound = ++this.#rounds;
    const farRound = ++this.#rounds;
    let [a, b] = [this.#nearFace, this.#farFace];
    let [nearCount, farCount] = [0, 0];
    for (;;) {
      if (a >= 0) {
        if (round[a] === farRound) return [nearCount, hotInt(place, a)];
        round[a] = nearRound;
        place[a] = nearCount;
        near[nearCount++] = a;
        a = hotInt(parent, a);
      }
      if (b >= 0) {
        if (round[b] === nearRound) return [hotInt(place, b), farCount];
        round[b] = farRound;
        place[b] = farCount;
        far[farCount++] = b;
        b = hotInt(parent, b);
      }
    }
  }

  join(k: number): void {
    const fromNear = k < this.#nearCount;
    const faces = fromNear ? this.#near : this.#far;
    const last = fromNear ? k : k - this.#nearCount;
    let parent = fromNear ? this.#farFace : this.#nearFace;
    let arc = this.#cut;
    for (let i = 0; i <= last; i++) {
      const face = hotInt(faces, i);
      const before = hotInt(this.#arc, face);
      this.#parent[face] = parent;
      this.#arc[face] = arc;
      parent = face;
      arc = before;
    }
  }
}

/** Parents of all faces, and the arcs to them, in a tree of the given arcs. */
function spanning(
  count: number,
  left: Int32Array,
  right: Int32Array,
  arcs: readonly number[],
): [Int32Array, Int32Array] {
  const around: number[][] = Array.from({ length: count }, () => []);
  for (const arc of arcs) {
    around[hotInt(left, arc)]?.push(arc);
    around[hotInt(right, arc)]?.push(arc);
  }
  const parent = new Int32Array(count).fill(-1);
  const arcTo = new Int32Array(count).fill(-1);
  const reached = [0];
  for (const face of reached) {
    for (const arc of around[face] ?? []) {
      const other = hotInt(left, arc) === face ? hotInt(right, arc) : hotInt(left, arc);
      if (arc === arcTo[face]) continue;
      parent[other] = face;
      arcTo[other] = arc;
      reached.push(other);
    }
  }
  return [parent, arcTo];
}
