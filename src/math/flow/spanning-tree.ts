import { hotInt } from "../../base/need.js";
/**
 * A rooted spanning tree of the nodes of a graph. Arcs are numbered so that `arc ^ 1` is the same
 * arc backward; the arc to a node leads from its parent to it.
 */
export class SpanningTree {
  /** The nodes last marked: the first `markedCount` of these. */
  readonly marked: Int32Array;
  markedCount = 0;

  readonly #root: number;
  /** Where each arc leads. */
  readonly #end: Int32Array;
  readonly #arcTo: Int32Array;
  readonly #parent: Int32Array;
  /** Children of each node as a doubly linked list; -1: none. */
  readonly #firstChild: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** Nodes in the subtree of each node. */
  readonly #size: Int32Array;
  readonly #stamp: Int32Array;
  #round = 0;

  /**
   * @param end where each arc leads
   * @param arcTo the arc to each node but the root
   */
  constructor(root: number, end: Int32Array, arcTo: Int32Array) {
    const nodes = arcTo.length;
    this.#root = root;
    this.#end = end;
    this.#arcTo = arcTo;
    this.#parent = new Int32Array(nodes).fill(-1);
    this.#firstChild = new Int32Array(nodes).fill(-1);
    this.#next = new Int32Array(nodes).fill(-1);
    this.#previous = new Int32Array(nodes).fill(-1);
    this.#size = new Int32Array(nodes).fill(1);
    this.#stamp = new Int32Array(nodes);
    this.marked = new Int32Array(nodes);
    for (let v = 0; v < nodes; v++) {
      if (v !== root) this.#attach(v, hotInt(end, hotInt(arcTo, v) ^ 1));
    }
    this.#collect(root, -1);
    for (let q = nodes - 1; q > 0; q--) {
      const v = hotInt(this.marked, q);
      const parent = hotInt(this.#parent, v);
      this.#size[parent] = hotInt(this.#size, parent) + hotInt(this.#size, v);
    }
  }

  parentOf(node: number): number {
    return hotInt(this.#parent, node);
  }

  arcTo(node: number): number {
    return hotInt(this.#arcTo, node);
  }

  isMarked(node: number): boolean {
    return this.#stamp[node] === this.#round;
  }

  /** Marks every node, parents first. */
  markAll(): void {
    this.#collect(this.#root, -1);
  }

  /** Marks the nodes of a subtree, or all others where those are fewer; true: the subtree's. */
  mark(node: number): boolean {
    const isSmall = 2 * hotInt(this.#size, node) <= this.#parent.length;
    if (isSmall) this.#collect(node, -1);
    else this.#collect(this.#root, node);
    return isSmall;
  }

  /** Hangs the subtree of a node on the rest by another arc, one that leads into it. */
  join(node: number, arc: number): void {
    const moved = hotInt(this.#size, node);
    this.#resize(hotInt(this.#parent, node), -moved);
    let [v, arcToIt, below] = [hotInt(this.#end, arc), arc, 0];
    for (;;) {
      const size = hotInt(this.#size, v);
      this.#size[v] = moved - below;
      below = size;
      const oldParent = hotInt(this.#parent, v);
      const oldArc = hotInt(this.#arcTo, v);
      this.#detach(v);
      this.#arcTo[v] = arcToIt;
      this.#attach(v, hotInt(this.#end, arcToIt ^ 1));
      if (v === node) break;
      arcToIt = oldArc ^ 1;
      v = oldParent;
    }
    this.#resize(hotInt(this.#end, arc ^ 1), moved);
  }

  #resize(from: number, by: number): void {
    for (let v = from; v >= 0; v = hotInt(this.#parent, v)) {
      this.#size[v] = hotInt(this.#size, v) + by;
    }
  }

  /** Marks a subtree without another one inside it. */
  #collect(top: number, without: number): void {
    const round = ++this.#round;
    this.marked[0] = top;
    this.#stamp[top] = round;
    let count = 1;
    for (let q = 0; q < count; q++) {
      let child = hotInt(this.#firstChild, hotInt(this.marked, q));
      for (; child >= 0; child = hotInt(this.#next, child)) {
        if (child === without) continue;
        this.#stamp[child] = round;
        this.marked[count++] = child;
      }
    }
    this.markedCount = count;
  }

  #attach(node: number, parent: number): void {
    const sibling = hotInt(this.#firstChild, parent);
    this.#parent[node] = parent;
    this.#previous[node] = -1;
    this.#next[node] = sibling;
    if (sibling >= 0) this.#previous[sibling] = node;
    this.#firstChild[parent] = node;
  }

  #detach(node: number): void {
    const [before, after] = [hotInt(this.#previous, node), hotInt(this.#next, node)];
    if (before >= 0) this.#next[before] = after;
    else this.#firstChild[hotInt(this.#parent, node)] = after;
    if (after >= 0) this.#previous[after] = before;
  }
}
