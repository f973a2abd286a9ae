import { at } from "../../src/base/need.js";
import { elementCount, type TensorNode } from "../../src/ir/tensor-graph.js";
import type { GraphIndex } from "../rewriting/graph-index.js";

/** A tensor rotated in pairs by angles whose cosines and sines are tables. */
interface Rotation {
  readonly x: string;
  readonly cos: string;
  readonly sin: string;
  /** In the graph's order; the last one makes the result. */
  readonly nodes: readonly TensorNode[];
}

const MOST_NODES = 24;
/** What takes a tensor apart, turns it and joins it. */
const PARTS = new Set(["Slice", "Split", "Gather"]);
const ARRANGES = new Set([
  ...["Reshape", "Squeeze", "Unsqueeze", "Transpose", "Flatten", "Concat", "Neg", "Identity"],
]);

/**
 * The rotation that ends at a node, however it is written: from one tensor, taken apart and joined
 * again, every element of the result is one element times one table plus or minus another times the
 * other; a part that is joined as it is was not turned (partial rotary). Null where it is anything else.
 */
export function matchRotation(index: GraphIndex, last: TensorNode): Rotation | null {
  const output = index.tensor(at(last.outputs, 0));
  const kept = keptParts(index, last);
  const size = kept.reduce(
    (rest, { outputs }) => rest - elementCount(index.tensor(at(outputs, 0)).shape),
    elementCount(output.shape),
  );
  const cone = new Cone(index, kept);
  cone.take(last);
  while (cone.nodes.size < MOST_NODES) {
    const [x, ...others] = cone.open;
    if (x === undefined) return null;
    const whole = others.length === 0 && index.tensor(x).shape.join() === output.shape.join();
    if (whole && cone.summed === size) {
      const [cos, sin] = cone.tables;
      const own = kept.every(({ inputs }) => inputs[0] === x);
      const turns = own && cone.multiplied === 2 * size && cone.signs && cone.parts;
      const nodes = index.inOrder([...cone.nodes]);
      return turns && cos !== undefined && sin !== undefined ? { x, cos, sin, nodes } : null;
    }
    const next = index.latest([...cone.open]);
    if (next === undefined || !cone.take(next)) return null;
  }
  return null;
}

/** The slices that a result joins with what is turned of the same tensor. */
function keptParts(index: GraphIndex, { op, inputs, outputs }: TensorNode): TensorNode[] {
  if (op !== "Concat") return [];
  const whole = index.tensor(at(outputs, 0)).shape.join();
  const slices = inputs.map((name) => index.producerOf(name, "Slice"));
  return slices
    .filter((slice) => slice !== undefined)
    .filter((slice) => {
      const [from = ""] = slice.inputs;
      return from !== "" && index.tensor(from).shape.join() === whole;
    });
}

/** The nodes walked through, from a result upwards. */
class Cone {
  readonly nodes = new Set<TensorNode>();
  /** Tensors whose producers are not yet in it; no tables. */
  readonly open = new Set<string>();
  readonly tables = new Set<string>();
  /** Elements of products with a table, and of sums of these. */
  multiplied = 0;
  summed = 0;
  /** Whether something is negated, and something taken apart. */
  signs = false;
  parts = false;
  readonly #index: GraphIndex;
  readonly #kept: ReadonlySet<string>;

  /** @param kept parts of the tensor that are not turned */
  constructor(index: GraphIndex, kept: readonly TensorNode[]) {
    this.#index = index;
    this.#kept = new Set(kept.flatMap(({ outputs }) => outputs));
    for (const node of kept) this.nodes.add(node);
  }

  /** Takes a node in; false if it has no place in a rotation. */
  take(node: TensorNode): boolean {
    const [first = "", second = ""] = node.inputs;
    const size = elementCount(this.#index.tensor(at(node.outputs, 0)).shape);
    for (const output of node.outputs) this.open.delete(output);
    this.nodes.add(node);
    this.signs ||= node.op === "Neg" || node.op === "Sub";
    this.parts ||= PARTS.has(node.op);
    if (node.op === "Add" || node.op === "Sub") {
      this.summed += size;
      // In a difference, a cos - b sin, the cosine comes first; else tables are taken as written.
      if (node.op === "Sub") this.tables.clear();
      for (const name of [first, second]) this.#noteTable(name);
      return this.#need([first, second]);
    }
    if (node.op === "Mul") {
      this.multiplied += size;
      const table = this.#tableOf(node);
      this.signs ||= table !== null && this.#isSigned(table);
      return table !== null && this.#need([table === first ? second : first]);
    }
    if (node.op === "Concat") {
      return this.#need(node.inputs.filter((name) => !this.#kept.has(name)));
    }
    return (PARTS.has(node.op) || ARRANGES.has(node.op)) && this.#need([first]);
  }

  #need(names: readonly string[]): boolean {
    for (const name of names) this.open.add(name);
    return names.every((name) => name !== "" && this.#index.tensor(name).role !== "constant");
  }

  #noteTable(name: string): void {
    const product = this.#index.producerOf(name, "Mul");
    const table = product && this.#tableOf(product);
    if (table) this.tables.add(table);
  }

  /** The operand of a product that is a table: stored, or made by cosine or sine. */
  #tableOf({ inputs }: TensorNode): string | null {
    const tables = inputs.filter((name) => this.#isTable(name));
    return tables.length === 1 && inputs.length === 2 ? at(tables, 0) : null;
  }

  /** Whether a table joins a part with a negated one: then the halves of the tensor need no sign. */
  #isSigned(name: string): boolean {
    let node = this.#index.producer(name);
    while (node !== undefined && node.op !== "Concat" && TABLE_VIEWS.has(node.op)) {
      node = this.#index.producer(node.inputs[0]);
    }
    if (node?.op !== "Concat") return false;
    return node.inputs.some((part) => this.#index.producerOf(part, "Neg") !== undefined);
  }

  #isTable(name: string): boolean {
    let current: string | undefined = name;
    for (let depth = 0; current !== undefined && depth < MOST_NODES; depth++) {
      if (this.#index.tensor(current).role === "constant") return true;
      const node = this.#index.producer(current);
      if (node === undefined) return this.#index.tensor(current).role === "parameter";
      if (node.op === "Cos" || node.op === "Sin") return true;
      const passes = PARTS.has(node.op) || ARRANGES.has(node.op) || TABLE_OPS.has(node.op);
      current = passes ? node.inputs[0] : undefined;
    }
    return false;
  }
}

const TABLE_VIEWS = new Set(["Cast", "Reshape", "Squeeze", "Unsqueeze", "Expand", "Transpose"]);
/** What may lie between a cosine and its use as a table. */
const TABLE_OPS = new Set(["Cast", "Mul", "Expand", "Tile", "GatherND", "GatherElements"]);
