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
      if (v !== root) this.#attach(v, end[(arcTo[v] as number) ^ 1] as number);
    }
    this.#collect(root, -1);
    for (let q = nodes - 1; q > 0; q--) {
      const v = this.marked[q] as number;
      const parent = this.#parent[v] as number;
      this.#size[parent] = (this.#size[parent] as number) + (this.#size[v] as number);
    }
  }

  parentOf(node: number): number {
    return this.#parent[node] as number;
  }

  arcTo(node: number): number {
    return this.#arcTo[node] as number;
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
    const isSmall = 2 * (this.#size[node] as number) <= this.#parent.length;
    if (isSmall) this.#collect(node, -1);
    else this.#collect(this.#root, node);
    return isSmall;
  }

  /** Hangs the subtree of a node on the rest by another arc, one that leads into it. */
  join(node: number, arc: number): void {
    const moved = this.#size[node] as number;
    this.#resize(this.#parent[node] as number, -moved);
    let [v, arcToIt, below] = [this.#end[arc] as number, arc, 0];
    for (;;) {
      const size = this.#size[v] as number;
      this.#size[v] = moved - below;
      below = size;
      const oldParent = this.#parent[v] as number;
      const oldArc = this.#arcTo[v] as number;
      this.#detach(v);
      this.#arcTo[v] = arcToIt;
      this.#attach(v, this.#end[arcToIt ^ 1] as number);
      if (v === node) break;
      arcToIt = oldArc ^ 1;
      v = oldParent;
    }
    this.#resize(this.#end[arc ^ 1] as number, moved);
  }

  #resize(from: number, by: number): void {
    for (let v = from; v >= 0; v = this.#parent[v] as number) {
      this.#size[v] = (this.#size[v] as number) + by;
    }
  }

  /** Marks a subtree without another one inside it. */
  #collect(top: number, without: number): void {
    const round = ++this.#round;
    this.marked[0] = top;
    this.#stamp[top] = round;
    let count = 1;
    for (let q = 0; q < count; q++) {
      let child = this.#firstChild[this.marked[q] as number] as number;
      for (; child >= 0; child = this.#next[child] as number) {
        if (child === without) continue;
        this.#stamp[child] = round;
        this.marked[count++] = child;
      }
    }
    this.markedCount = count;
  }

  #attach(node: number, parent: number): void {
    const sibling = this.#firstChild[parent] as number;
    this.#parent[node] = parent;
    this.#previous[node] = -1;
    this.#next[node] = sibling;
    if (sibling >= 0) this.#previous[sibling] = node;
    this.#firstChild[parent] = node;
  }

  #detach(node: number): void {
    const [before, after] = [this.#previous[node] as number, this.#next[node] as number];
    if (before >= 0) this.#next[before] = after;
    else this.#firstChild[this.#parent[node] as number] = after;
    if (after >= 0) this.#previous[after] = before;
  }
}
