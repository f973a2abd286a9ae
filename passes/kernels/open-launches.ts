import { at } from "../../src/base/need.js";
import type { TensorNode } from "../../src/ir/tensor-graph.js";
import type { KernelClass } from "../../src/ir/work.js";
import type { NodeWork } from "../../src/onnx/operators/operator.js";

/** A launch to which nodes may still be added. */
export interface OpenLaunch {
  readonly kind: "compute" | "communication";
  readonly nodes: TensorNode[];
  class: KernelClass;
  readonly collective: Extract<NodeWork, { kind: "collective" }> | null;
  /** Whether other nodes may run in it: element by element, or row by row. */
  fuses: boolean;
  /** Elements of its largest tensors. */
  readonly elements: number;
  /** Rows of them that are reduced; null while it reduces none. */
  rows: number | null;
  level: number;
}

/** How a node runs in a launch: the elements it runs over and the rows of them that it reduces. */
export interface Extent {
  readonly elements: number;
  readonly rows: number | null;
  readonly class: KernelClass;
}

/**
 * The launches of a graph while they form. A launch's level rises along every edge that is not fused,
 * so equal levels are never connected through a third launch: fusing them makes no cycle. A launch
 * that nobody has read yet may be raised to the level of a later one, and fused there.
 */
export class OpenLaunches {
  readonly #launches: OpenLaunch[] = [];
  /** Who reads what a launch made; most launches have few readers. */
  readonly #readers: number[][] = [];
  /** The launch that took in the launch of this index. */
  readonly #takenBy = new Map<number, number>();

  /** The launch that a launch has become part of, or itself. */
  resolve(index: number): number {
    let current = index;
    for (let by = this.#takenBy.get(current); by !== undefined; by = this.#takenBy.get(current)) {
      current = by;
    }
    return current;
  }

  at(index: number): OpenLaunch {
    const launch = this.#launches[this.resolve(index)];
    if (launch === undefined) throw new Error(`there is no launch ${index}`);
    return launch;
  }

  /** Indices of the launches that others have not taken in, in the order in which they began. */
  remaining(): number[] {
    return [...this.#launches.keys()].filter((index) => !this.#takenBy.has(index));
  }

  /** Begins a launch behind those whose results it reads. */
  open(launch: Omit<OpenLaunch, "level">, producers: readonly number[]): number {
    const levels = producers.map((producer) => this.at(producer).level);
    this.#launches.push({ ...launch, level: 1 + Math.max(0, ...levels) });
    this.#readers.push([]);
    const index = this.#launches.length - 1;
    for (const producer of producers) this.#reads(index, producer);
    return index;
  }

  /**
   * Adds a node to the launch of one of its producers, and takes into it the launches of others that
   * fit; null where no producer's launch can hold it.
   */
  join(node: TensorNode, extent: Extent, producers: readonly number[]): number | null {
    const fitting = producers.filter((producer) => fits(this.at(producer), node, extent));
    const target = fitting.reduce<number | null>(
      (best, each) => (best === null || this.at(each).level > this.at(best).level ? each : best),
      null,
    );
    if (target === null) return null;
    const others = producers.filter((producer) => producer !== target);
    const taken = others.filter((other) => this.#mayTake(target, other, extent.rows));
    const apart = others.filter((other) => !taken.includes(other));
    const above = 1 + Math.max(0, ...apart.map((other) => this.at(other).level));
    if (this.at(target).level < above && this.#isRead(target, null)) return null;
    for (const other of taken) this.#take(target, other);
    const launch = this.at(target);
    launch.nodes.push(node);
    launch.rows ??= extent.rows;
    launch.class = classOfBoth(launch, extent);
    launch.level = Math.max(launch.level, above);
    for (const other of apart) this.#reads(target, other);
    return target;
  }

  /** Whether a launch can run where a later one does: alike, and read by nobody else so far. */
  #mayTake(target: number, other: number, rows: number | null): boolean {
    const [into, from] = [this.at(target), this.at(other)];
    const [node] = from.nodes;
    if (node === undefined || !from.fuses || from.level > into.level) return false;
    const whole = { ...into, rows: into.rows ?? rows };
    return !this.#isRead(other, target) && fits(whole, node, from);
  }

  /** Whether a launch other than `except` reads what this one made. */
  #isRead(index: number, except: number | null): boolean {
    return at(this.#readers, index).some((reader) => this.resolve(reader) !== except);
  }

  #take(target: number, other: number): void {
    const [into, from] = [this.at(target), this.at(other)];
    for (const node of from.nodes) into.nodes.push(node);
    into.rows ??= from.rows;
    into.class = classOfBoth(into, from);
    this.#takenBy.set(other, target);
    this.#readers[target] = at(this.#readers, target).filter((reader) => reader !== other);
  }

  #reads(reader: number, producer: number): void {
    const readers = at(this.#readers, producer);
    if (readers.at(-1) !== reader) readers.push(reader);
  }
}

/** What a launch is after another has joined it: a norm's rows decide how it runs. */
function classOfBoth(into: { class: KernelClass }, from: { class: KernelClass }): KernelClass {
  return into.class === "other" || from.class === "norm" ? from.class : into.class;
}

/** Layout changes and joins take part in a launch of any size. */
const OF_ANY_SIZE = new Set([
  ...["Concat", "Transpose", "Slice", "Split", "Expand", "com.microsoft::SplitTraining"],
]);

/**
 * Whether a node may run in a launch: one place in the iteration, the same elements or its rows, and
 * one norm at most.
 */
function fits(launch: OpenLaunch, node: TensorNode, extent: Extent): boolean {
  const { elements, rows } = extent;
  const [first] = launch.nodes;
  const together =
    launch.fuses &&
    first?.direction === node.direction &&
    first.layer === node.layer &&
    first.origin === node.origin;
  if (!together || (launch.class === "norm" && extent.class === "norm")) return false;
  if (OF_ANY_SIZE.has(node.op)) return true;
  if (rows !== null && launch.rows !== null && rows !== launch.rows) return false;
  return elements === launch.elements || (rows === null && elements === launch.rows);
}
