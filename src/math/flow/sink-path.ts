import { hotFloat, hotInt } from "../../base/need.js";

/** Closer than this, the places of two nodes on the path are given anew. */
const CLOSEST = 1e-14;

/** The nodes that give out next are listed again where fewer or more than this were. */
const FEW = 8;
const MANY = 64;

/**
 * The nodes on a tree's path from its root to the sink, and the amount of flow at which the arc to
 * each of them gives out. Finds the least, of equal ones the nearest to the root, as parts of the
 * path are replaced. A good part of the path changes from step to step, so that only the nodes that
 * give out soon are listed, up to a horizon; past it the whole path is looked through again.
 */
export class SinkPath {
  readonly #root: number;
  readonly #sink: number;
  /** From 0 at the root to 1 at the sink; -1: not on the path. */
  readonly #place: Float64Array;
  readonly #next: Int32Array;
  /** The amount at which the arc to a node gives out. */
  readonly #limit: Float64Array;
  /** What gives out before the horizon, in no order; some may have left the path since. */
  readonly #soon: Int32Array;
  readonly #isListed: Uint8Array;
  #soonCount = 0;
  #horizon = Number.NEGATIVE_INFINITY;
  /** How far past the first the horizon is set. */
  #reach = 0;
  #length = 0;

  constructor(nodes: number, root: number, sink: number) {
    this.#root = root;
    this.#sink = sink;
    this.#place = new Float64Array(nodes).fill(-1);
    this.#next = new Int32Array(nodes);
    this.#limit = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
    this.#soon = new Int32Array(nodes);
    this.#isListed = new Uint8Array(nodes);
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
      this.setLimit(node, hotFloat(limits, k));
      after = node;
    }
    this.#length += count;
    if (gap < CLOSEST) this.#spread();
  }

  /** Sets anew at which amount the arc to a node gives out. */
  setLimit(node: number, limit: number): void {
    this.#limit[node] = limit;
    if (limit <= this.#horizon && this.#isListed[node] === 0) this.#list(node);
  }

  /** The node to which the arc gives out first; -1: none ever does. */
  first(): number {
    const known = this.#firstListed();
    if (known >= 0) return known;
    let least = Number.POSITIVE_INFINITY;
    this.forEach((node) => {
      least = Math.min(least, hotFloat(this.#limit, node));
    });
    if (least === Number.POSITIVE_INFINITY) return -1;
    this.#horizon = least + this.#reach;
    this.forEach((node) => {
      if (hotFloat(this.#limit, node) <= this.#horizon) this.#list(node);
    });
    if (this.#soonCount < FEW) this.#reach = 2 * this.#reach + Math.abs(least) * CLOSEST;
    else if (this.#soonCount > MANY) this.#reach /= 2;
    return this.#firstListed();
  }

  /** Calls for each node on the path but the root. */
  forEach(visit: (node: number) => void): void {
    for (let node = this.#root; node !== this.#sink; ) {
      node = hotInt(this.#next, node);
      visit(node);
    }
  }

  #list(node: number): void {
    this.#isListed[node] = 1;
    this.#soon[this.#soonCount++] = node;
  }

  /** The first of those listed, which are no more than that after it; -1: none. */
  #firstListed(): number {
    const [soon, limits, places] = [this.#soon, this.#limit, this.#place];
    let first = -1;
    let [least, leastPlace] = [this.#horizon, 2];
    let kept = 0;
    for (let k = 0; k < this.#soonCount; k++) {
      const node = hotInt(soon, k);
      const [limit, place] = [hotFloat(limits, node), hotFloat(places, node)];
      if (place < 0 || limit > this.#horizon) {
        this.#isListed[node] = 0;
        continue;
      }
      soon[kept++] = node;
      if (limit > least || (limit === least && place > leastPlace)) continue;
      first = node;
      least = limit;
      leastPlace = place;
    }
    this.#soonCount = kept;
    return first;
  }

  /** Gives all nodes places at equal distances. */
  #spread(): void {
    let k = 0;
    this.forEach((node) => {
      this.#place[node] = ++k / this.#length;
    });
  }
}
