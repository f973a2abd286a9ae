import { hotFloat, hotInt } from "../../base/need.js";

/**
 * What is kept of a node lies together, since every step of a search touches all of it: links and flags at
 * its place, four times its number, amounts at twice its place.
 */
const PLACES = 4;
/** Above in the same splay tree, or, from the top of one, the node that its path hangs on. */
const UP = 0;
const LEFT = 1;
const RIGHT = 2;
const FLAGS = 3;
/** Flags: the nodes below have still to be turned; an arc leads against the way. */
const TO_TURN = 1;
const BACKWARD = 2;

const AMOUNTS = 8;
const AHEAD = 0;
const BACK = 1;
/** The least in a node's splay tree from it down. */
const LEAST_AHEAD = 2;
const LEAST_BACK = 3;
/** What the nodes below have still to take, after they have been turned. */
const TO_TAKE = 4;

/**
 * Trees whose paths are asked and changed as a whole: link-cut trees (Sleator & Tarjan 1983, 1985), in
 * which each path of a decomposition is a splay tree from the root's end on, so that everything takes
 * a logarithm of the nodes, spread over all calls. Arcs are nodes too: one between the two that it
 * joins. On a way along it an arc holds how much may be taken from it `ahead`, in the direction of
 * the way, and `back`, against it; taking from one gives to the other.
 */
export class PathForest {
  readonly #links: Int32Array;
  readonly #amounts: Float64Array;
  /** The place of no node; so that nothing has to be asked it takes part, and nothing reads what it holds. */
  readonly #none: number;
  readonly #above: Int32Array;

  constructor(nodes: number) {
    this.#none = PLACES * nodes;
    this.#links = new Int32Array(PLACES * (nodes + 1)).fill(this.#none);
    this.#amounts = new Float64Array(AMOUNTS * (nodes + 1)).fill(Number.POSITIVE_INFINITY);
    for (let v = 0; v <= this.#none; v += PLACES) {
      this.#links[v + FLAGS] = 0;
      this.#amounts[2 * v + TO_TAKE] = 0;
    }
    this.#above = new Int32Array(nodes);
  }

  /** Sets what an arc holds, which stands alone or on top (see `first`), and whether it leads against the way. */
  set(arc: number, ahead: number, back: number, isBackward: boolean): void {
    const v = PLACES * arc;
    this.#amounts[2 * v + AHEAD] = ahead;
    this.#amounts[2 * v + BACK] = back;
    this.#links[v + FLAGS] = isBackward ? BACKWARD : 0;
    this.#sum(v);
  }

  aheadOf(top: number): number {
    return hotFloat(this.#amounts, AMOUNTS * top + AHEAD);
  }

  isBackward(top: number): boolean {
    return (hotInt(this.#links, PLACES * top + FLAGS) & BACKWARD) !== 0;
  }

  /** Hangs a tree, by its root, on a node of another. */
  hang(root: number, on: number): void {
    this.#links[PLACES * root + UP] = PLACES * on;
  }

  /** Makes a node the root of its tree. */
  root(node: number): void {
    this.expose(node);
    this.#turn(PLACES * node);
  }

  /** Takes the way from its tree's root to a node to one splay tree, the node on top. */
  expose(node: number): void {
    const links = this.#links;
    let last = this.#none;
    for (let v = PLACES * node; v !== this.#none; v = hotInt(links, v + UP)) {
      this.#splay(v);
      links[v + RIGHT] = last;
      this.#sum(v);
      last = v;
    }
    this.#splay(PLACES * node);
  }

  /** Puts the first arc of an exposed way from which least may be taken on top; -1: there is no limit. */
  first(top: number): number {
    const links = this.#links;
    const amounts = this.#amounts;
    if (amounts[AMOUNTS * top + LEAST_AHEAD] === Number.POSITIVE_INFINITY) return -1;
    for (let v = PLACES * top; ; ) {
      this.#give(v);
      const left = hotInt(links, v + LEFT);
      const right = hotInt(links, v + RIGHT);
      const own = hotFloat(amounts, 2 * v + AHEAD);
      const before = hotFloat(amounts, 2 * left + LEAST_AHEAD);
      const after = hotFloat(amounts, 2 * right + LEAST_AHEAD);
      if (before <= own && before <= after) v = left;
      else if (after < own) v = right;
      else {
        this.#splay(v);
        return v / PLACES;
      }
    }
  }

  /** Takes from all arcs of an exposed way. */
  take(top: number, amount: number): void {
    this.#take(PLACES * top, amount);
  }

  /** Cuts the arc on top of an exposed way out: what it joined are two trees. */
  cut(top: number): void {
    const [links, v] = [this.#links, PLACES * top];
    this.#give(v);
    for (const side of [LEFT, RIGHT]) {
      links[hotInt(links, v + side) + UP] = this.#none;
      links[v + side] = this.#none;
    }
    this.#sum(v);
  }

  #take(v: number, amount: number): void {
    const amounts = this.#amounts;
    const k = 2 * v;
    amounts[k + AHEAD] = hotFloat(amounts, k + AHEAD) - amount;
    amounts[k + BACK] = hotFloat(amounts, k + BACK) + amount;
    amounts[k + LEAST_AHEAD] = hotFloat(amounts, k + LEAST_AHEAD) - amount;
    amounts[k + LEAST_BACK] = hotFloat(amounts, k + LEAST_BACK) + amount;
    amounts[k + TO_TAKE] = hotFloat(amounts, k + TO_TAKE) + amount;
  }

  #turn(v: number): void {
    const links = this.#links;
    const amounts = this.#amounts;
    const k = 2 * v;
    const left = hotInt(links, v + LEFT);
    links[v + LEFT] = hotInt(links, v + RIGHT);
    links[v + RIGHT] = left;
    links[v + FLAGS] = hotInt(links, v + FLAGS) ^ (TO_TURN | BACKWARD);
    const ahead = hotFloat(amounts, k + AHEAD);
    amounts[k + AHEAD] = hotFloat(amounts, k + BACK);
    amounts[k + BACK] = ahead;
    const least = hotFloat(amounts, k + LEAST_AHEAD);
    amounts[k + LEAST_AHEAD] = hotFloat(amounts, k + LEAST_BACK);
    amounts[k + LEAST_BACK] = least;
    amounts[k + TO_TAKE] = -hotFloat(amounts, k + TO_TAKE);
  }

  /** Hands what is still to be done on to the two below. */
  #give(v: number): void {
    const links = this.#links;
    const left = hotInt(links, v + LEFT);
    const right = hotInt(links, v + RIGHT);
    const flags = hotInt(links, v + FLAGS);
    if ((flags & TO_TURN) !== 0) {
      if (left !== this.#none) this.#turn(left);
      if (right !== this.#none) this.#turn(right);
      links[v + FLAGS] = flags ^ TO_TURN;
    }
    const amount = hotFloat(this.#amounts, 2 * v + TO_TAKE);
    if (amount === 0) return;
    if (left !== this.#none) this.#take(left, amount);
    if (right !== this.#none) this.#take(right, amount);
    this.#amounts[2 * v + TO_TAKE] = 0;
  }

  #sum(v: number): void {
    const links = this.#links;
    const amounts = this.#amounts;
    const left = 2 * hotInt(links, v + LEFT);
    const right = 2 * hotInt(links, v + RIGHT);
    amounts[2 * v + LEAST_AHEAD] = Math.min(
      hotFloat(amounts, 2 * v + AHEAD),
      hotFloat(amounts, left + LEAST_AHEAD),
      hotFloat(amounts, right + LEAST_AHEAD),
    );
    amounts[2 * v + LEAST_BACK] = Math.min(
      hotFloat(amounts, 2 * v + BACK),
      hotFloat(amounts, left + LEAST_BACK),
      hotFloat(amounts, right + LEAST_BACK),
    );
  }

  /** Brings a node to the top of its splay tree. */
  #splay(v: number): void {
    const links = this.#links;
    const above = this.#above;
    let count = 0;
    let top = v;
    for (;;) {
      const next = hotInt(links, top + UP);
      if (links[next + LEFT] !== top && links[next + RIGHT] !== top) break;
      above[count++] = top;
      top = next;
    }
    this.#give(top);
    if (count === 0) return;
    while (count > 0) this.#give(hotInt(above, --count));
    for (;;) {
      const below = hotInt(links, v + UP);
      const isLeft = links[below + LEFT] === v;
      if (!isLeft && links[below + RIGHT] !== v) break;
      const next = hotInt(links, below + UP);
      const isNextLeft = links[next + LEFT] === below;
      if (isNextLeft || links[next + RIGHT] === below) {
        this.#rotate(isLeft === isNextLeft ? below : v);
      }
      this.#rotate(v);
    }
    this.#sum(v);
  }

  /** Puts a node above the one that it is below of. */
  #rotate(v: number): void {
    const links = this.#links;
    const below = hotInt(links, v + UP);
    const next = hotInt(links, below + UP);
    if (links[next + LEFT] === below) links[next + LEFT] = v;
    else if (links[next + RIGHT] === below) links[next + RIGHT] = v;
    const near = links[below + LEFT] === v ? LEFT : RIGHT;
    const far = LEFT + RIGHT - near;
    const between = hotInt(links, v + far);
    links[below + near] = between;
    links[v + far] = below;
    links[between + UP] = below;
    links[below + UP] = v;
    links[v + UP] = next;
    this.#sum(below);
  }
}
