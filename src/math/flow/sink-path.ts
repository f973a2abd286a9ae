import { hotFloat, hotInt } from "../../base/need.js";

/** Closer than this, the places of two nodes on the path are given anew. */
const CLOSEST = 1e-14;

/**
 * The nodes on a tree's path from its root to the sink, and the amount of flow at which the arc to
 * each of them gives out. Finds the least, of equal ones the nearest to the root, as parts of the
 * path are replaced: a heap that forgets lazily.
 */
export class SinkPath {
  readonly #root: number;
  readonly #sink: number;
  /** From 0 at the root to 1 at the sink; -1: not on the path. */
  readonly #place: Float64Array;
  readonly #next: Int32Array;
  /** The amount at which the arc to a node gives out. */
  readonly #limit: Float64Array;
  /** Heap entries; one whose limit or place is not its node's any more is stale. */
  #heapLimit = new Float64Array(1024);
  #heapPlace = new Float64Array(1024);
  #heapNode = new Int32Array(1024);
  #heapSize = 0;
  #length = 0;

  constructor(nodes: number, root: number, sink: number) {
    this.#root = root;
    this.#sink = sink;
    this.#place = new Float64Array(nodes).fill(-1);
    this.#next = new Int32Array(nodes);
    this.#limit = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
    this.#place[root] = 0;
  }

  has(node: number): boolean {
    return hotFloat(this.#place, node) >= 0;
  }

  limitOf(node: number): number {
    return hotFloat(this.#limit, node);
  }

  /** Takes a node off the path. */
  remove(node: number): void {
    this.#place[node] = -1;
    this.#length--;
  }

  /**
   * Puts nodes on the path, after the first that is on it already and before all that follow.
   * @param nodes towards the root, with the amounts at which the arcs to them give out
   * @param before the node on the path that the nodes hang on
   */
  insert(nodes: Int32Array, limits: Float64Array, count: number, before: number): void {
    const last = hotInt(nodes, 0);
    const low = hotFloat(this.#place, before);
    const high = last === this.#sink ? 1 : hotFloat(this.#place, hotInt(this.#next, last));
    const gap = (high - low) / (last === this.#sink ? count : count + 1);
    for (let k = count - 1, after = before; k >= 0; k--) {
      const node = hotInt(nodes, k);
      this.#next[after] = node;
      this.#place[node] = low + gap * (count - k);
      this.#limit[node] = hotFloat(limits, k);
      this.#push(node);
      after = node;
    }
    this.#length += count;
    if (gap < CLOSEST) this.#spread();
    else if (this.#heapSize > 2 * this.#length + 1024) this.#rebuild();
  }

  /** Sets anew at which amount the arc to a node gives out. */
  setLimit(node: number, limit: number): void {
    this.#limit[node] = limit;
    this.#push(node);
  }

  /** The node to which the arc gives out first; -1: none ever does. */
  first(): number {
    while (this.#heapSize > 0) {
      if (this.#isFresh(0)) return hotInt(this.#heapNode, 0);
      this.#pop();
    }
    return -1;
  }

  /** Calls for each node on the path but the root. */
  forEach(visit: (node: number) => void): void {
    for (let node = this.#root; node !== this.#sink; ) {
      node = hotInt(this.#next, node);
      visit(node);
    }
  }

  #isFresh(k: number): boolean {
    const node = hotInt(this.#heapNode, k);
    return (
      this.#heapPlace[k] === hotFloat(this.#place, node) &&
      this.#heapLimit[k] === hotFloat(this.#limit, node)
    );
  }

  /** Gives all nodes places at equal distances. */
  #spread(): void {
    let k = 0;
    this.forEach((node) => {
      this.#place[node] = ++k / this.#length;
    });
    this.#heapSize = 0;
    this.forEach((node) => {
      this.#push(node);
    });
  }

  #rebuild(): void {
    let kept = 0;
    for (let k = 0; k < this.#heapSize; k++) {
      if (!this.#isFresh(k)) continue;
      this.#move(k, kept++);
    }
    this.#heapSize = kept;
    for (let k = (kept >> 1) - 1; k >= 0; k--) this.#siftDown(k);
  }

  #push(node: number): void {
    const limit = hotFloat(this.#limit, node);
    if (limit === Number.POSITIVE_INFINITY) return;
    if (this.#heapSize === this.#heapNode.length) this.#grow();
    const place = hotFloat(this.#place, node);
    let k = this.#heapSize++;
    while (k > 0) {
      const above = (k - 1) >> 1;
      const aboveLimit = hotFloat(this.#heapLimit, above);
      const isLess =
        limit < aboveLimit || (limit === aboveLimit && place < hotFloat(this.#heapPlace, above));
      if (!isLess) break;
      this.#move(above, k);
      k = above;
    }
    this.#write(k, limit, place, node);
  }

  #pop(): void {
    const last = --this.#heapSize;
    if (last === 0) return;
    this.#move(last, 0);
    this.#siftDown(0);
  }

  #siftDown(from: number): void {
    const size = this.#heapSize;
    const [limits, places] = [this.#heapLimit, this.#heapPlace];
    const limit = hotFloat(limits, from);
    const place = hotFloat(places, from);
    const node = hotInt(this.#heapNode, from);
    let k = from;
    for (let child = 2 * k + 1; child < size; child = 2 * k + 1) {
      const other = child + 1;
      if (other < size && this.#precedes(other, hotFloat(limits, child), hotFloat(places, child))) {
        child = other;
      }
      if (!this.#precedes(child, limit, place)) break;
      this.#move(child, k);
      k = child;
    }
    this.#write(k, limit, place, node);
  }

  #precedes(k: number, limit: number, place: number): boolean {
    const own = hotFloat(this.#heapLimit, k);
    return own < limit || (own === limit && hotFloat(this.#heapPlace, k) < place);
  }

  #move(from: number, to: number): void {
    this.#heapLimit[to] = hotFloat(this.#heapLimit, from);
    this.#heapPlace[to] = hotFloat(this.#heapPlace, from);
    this.#heapNode[to] = hotInt(this.#heapNode, from);
  }

  #write(k: number, limit: number, place: number, node: number): void {
    this.#heapLimit[k] = limit;
    this.#heapPlace[k] = place;
    this.#heapNode[k] = node;
  }

  #grow(): void {
    const size = 2 * this.#heapNode.length;
    const [limits, places, nodes] = [this.#heapLimit, this.#heapPlace, this.#heapNode];
    this.#heapLimit = new Float64Array(size);
    this.#heapPlace = new Float64Array(size);
    this.#heapNode = new Int32Array(size);
    this.#heapLimit.set(limits);
    this.#heapPlace.set(places);
    this.#heapNode.set(nodes);
  }
}
