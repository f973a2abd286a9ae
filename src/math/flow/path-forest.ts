import { hotByte, hotFloat, hotInt } from "../../base/need.js";

/**
 * Trees whose paths are asked and changed as a whole: link-cut trees (Sleator & Tarjan 1983, 1985), in
 * which each path of a decomposition is a splay tree from the root's end on, so that everything takes
 * a logarithm of the nodes, spread over all calls. Arcs are nodes too: one between the two that it
 * joins. On a way along it an arc holds how much may be taken from it `ahead`, in the direction of
 * the way, and `back`, against it; taking from one gives to the other.
 */
export class PathForest {
  /** Above in the same splay tree, or, from the top of one, the node that its path hangs on. */
  readonly #up: Int32Array;
  readonly #left: Int32Array;
  readonly #right: Int32Array;
  readonly #ahead: Float64Array;
  readonly #back: Float64Array;
  /** The least in a node's splay tree from it down. */
  readonly #leastAhead: Float64Array;
  readonly #leastBack: Float64Array;
  /** Whether an arc leads against the way. */
  readonly #isBackward: Uint8Array;
  /** What the nodes below have still to take, after they have still to be turned. */
  readonly #toTake: Float64Array;
  readonly #toTurn: Uint8Array;
  /** Stands for no node; so that nothing has to be asked it takes part, and nothing reads what it holds. */
  readonly #none: number;
  readonly #above: Int32Array;

  constructor(nodes: number) {
    const none = nodes;
    const links = () => new Int32Array(nodes + 1).fill(none);
    const amounts = () => new Float64Array(nodes + 1).fill(Number.POSITIVE_INFINITY);
    this.#none = none;
    [this.#up, this.#left, this.#right, this.#above] = [links(), links(), links(), links()];
    [this.#ahead, this.#back] = [amounts(), amounts()];
    [this.#leastAhead, this.#leastBack] = [amounts(), amounts()];
    this.#isBackward = new Uint8Array(nodes + 1);
    this.#toTake = new Float64Array(nodes + 1);
    this.#toTurn = new Uint8Array(nodes + 1);
  }

  /** Sets what an arc holds, which stands alone or on top (see `first`), and whether it leads against the way. */
  set(arc: number, ahead: number, back: number, isBackward: boolean): void {
    this.#ahead[arc] = ahead;
    this.#back[arc] = back;
    this.#isBackward[arc] = isBackward ? 1 : 0;
    this.#sum(arc);
  }

  aheadOf(top: number): number {
    return hotFloat(this.#ahead, top);
  }

  isBackward(top: number): boolean {
    return this.#isBackward[top] === 1;
  }

  /** Hangs a tree, by its root, on a node of another. */
  hang(root: number, on: number): void {
    this.#up[root] = on;
  }

  /** Makes a node the root of its tree. */
  root(node: number): void {
    this.expose(node);
    this.#turn(node);
  }

  /** Takes the way from its tree's root to a node to one splay tree, the node on top. */
  expose(node: number): void {
    let last = this.#none;
    for (let v = node; v !== this.#none; v = hotInt(this.#up, v)) {
      this.#splay(v);
      this.#right[v] = last;
      this.#sum(v);
      last = v;
    }
    this.#splay(node);
  }

  /** Puts the first arc of an exposed way from which least may be taken on top; -1: there is no limit. */
  first(top: number): number {
    if (this.#leastAhead[top] === Number.POSITIVE_INFINITY) return -1;
    for (let v = top; ; ) {
      this.#give(v);
      const [left, right] = [hotInt(this.#left, v), hotInt(this.#right, v)];
      const own = hotFloat(this.#ahead, v);
      const before = hotFloat(this.#leastAhead, left);
      const after = hotFloat(this.#leastAhead, right);
      if (before <= own && before <= after) v = left;
      else if (after < own) v = right;
      else {
        this.#splay(v);
        return v;
      }
    }
  }

  /** Takes from all arcs of an exposed way. */
  take(top: number, amount: number): void {
    this.#ahead[top] = hotFloat(this.#ahead, top) - amount;
    this.#back[top] = hotFloat(this.#back, top) + amount;
    this.#leastAhead[top] = hotFloat(this.#leastAhead, top) - amount;
    this.#leastBack[top] = hotFloat(this.#leastBack, top) + amount;
    this.#toTake[top] = hotFloat(this.#toTake, top) + amount;
  }

  /** Cuts the arc on top of an exposed way out: what it joined are two trees. */
  cut(top: number): void {
    this.#give(top);
    for (const links of [this.#left, this.#right]) {
      this.#up[hotInt(links, top)] = this.#none;
      links[top] = this.#none;
    }
    this.#sum(top);
  }

  #turn(v: number): void {
    const left = hotInt(this.#left, v);
    this.#left[v] = hotInt(this.#right, v);
    this.#right[v] = left;
    const ahead = hotFloat(this.#ahead, v);
    this.#ahead[v] = hotFloat(this.#back, v);
    this.#back[v] = ahead;
    const least = hotFloat(this.#leastAhead, v);
    this.#leastAhead[v] = hotFloat(this.#leastBack, v);
    this.#leastBack[v] = least;
    this.#isBackward[v] = 1 - hotByte(this.#isBackward, v);
    this.#toTake[v] = -hotFloat(this.#toTake, v);
    this.#toTurn[v] = 1 - hotByte(this.#toTurn, v);
  }

  /** Hands what is still to be done on to the two below. */
  #give(v: number): void {
    const [left, right] = [hotInt(this.#left, v), hotInt(this.#right, v)];
    if (this.#toTurn[v] === 1) {
      this.#turn(left);
      this.#turn(right);
      this.#toTurn[v] = 0;
    }
    const amount = hotFloat(this.#toTake, v);
    if (amount === 0) return;
    this.take(left, amount);
    this.take(right, amount);
    this.#toTake[v] = 0;
  }

  #sum(v: number): void {
    const [left, right] = [hotInt(this.#left, v), hotInt(this.#right, v)];
    const [ahead, back] = [this.#leastAhead, this.#leastBack];
    ahead[v] = Math.min(hotFloat(this.#ahead, v), hotFloat(ahead, left), hotFloat(ahead, right));
    back[v] = Math.min(hotFloat(this.#back, v), hotFloat(back, left), hotFloat(back, right));
  }

  #isTop(v: number): boolean {
    const above = hotInt(this.#up, v);
    return this.#left[above] !== v && this.#right[above] !== v;
  }

  /** Brings a node to the top of its splay tree. */
  #splay(v: number): void {
    let count = 0;
    let top = v;
    for (; !this.#isTop(top); top = hotInt(this.#up, top)) this.#above[count++] = top;
    this.#give(top);
    while (count > 0) this.#give(hotInt(this.#above, --count));
    while (!this.#isTop(v)) {
      const above = hotInt(this.#up, v);
      if (!this.#isTop(above)) {
        const isStraight = this.#isLeft(v) === this.#isLeft(above);
        this.#rotate(isStraight ? above : v);
      }
      this.#rotate(v);
    }
    this.#sum(v);
  }

  #isLeft(v: number): boolean {
    return this.#left[hotInt(this.#up, v)] === v;
  }

  /** Puts a node above the one that it is below of. */
  #rotate(v: number): void {
    const [up, left, right] = [this.#up, this.#left, this.#right];
    const below = hotInt(up, v);
    const above = hotInt(up, below);
    if (left[above] === below) left[above] = v;
    else if (right[above] === below) right[above] = v;
    const [near, far] = left[below] === v ? [left, right] : [right, left];
    const between = hotInt(far, v);
    near[below] = between;
    far[v] = below;
    up[between] = below;
    up[below] = v;
    up[v] = above;
    this.#sum(below);
  }
}
