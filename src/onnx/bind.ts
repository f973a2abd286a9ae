import { fail, type Report } from "../base/diagnostics/diagnostic.js";
import {
  inputWithoutSamples,
  inputWithoutShape,
  unboundSymbols,
  unusedBinding,
} from "../base/diagnostics/graph.js";
import type { Fact } from "./operators/operator.js";
import type { SourceDim, SourceGraph, SourceType } from "./source.js";
import { checkedShape } from "./tensor-data.js";
import { Told } from "./told.js";

/** Values of symbolic dimensions, and which of them were used. */
export class Binding {
  readonly #values: Told<number>;

  constructor(values: ReadonlyMap<string, number>) {
    this.#values = new Told(values);
  }

  /** A dimension's size, or the symbols (or the axis's own name) that lack a value. */
  resolve(dim: SourceDim, axisName: string): number | readonly string[] {
    const named = typeof dim === "string" ? this.#value(dim) : null;
    if (named !== null) return named;
    if (typeof dim === "number") return dim;
    const axis = this.#value(axisName);
    if (axis !== null) return axis;
    return dim === null ? [axisName] : this.#evaluate(dim);
  }

  /** A shape whose dimensions are all known, else null. */
  shapeOf(name: string, type: SourceType): readonly number[] | null {
    if (type.shape === null) return null;
    const dims = type.shape.map((dim, axis) => this.resolve(dim, `${name}.${axis}`));
    return dims.every((dim) => typeof dim === "number") ? dims : null;
  }

  /** Bound names that no dimension was found to have. */
  unused(): readonly string[] {
    return this.#values.left();
  }

  /** The sizes of the names that dimensions have. */
  used(): ReadonlyMap<string, number> {
    return this.#values.taken();
  }

  /** Warns about bound names that no dimension has. */
  reportUnused(report: Report): void {
    for (const name of this.unused()) report(unusedBinding(name));
  }

  #value(name: string): number | null {
    return this.#values.take(name) ?? null;
  }

  /** Sums and products of symbols and numbers, such as `past_length + 1` or `batch*sequence`. */
  #evaluate(expression: string): number | readonly string[] {
    const terms = expression.split("+").map((term) => term.split("*").map((part) => part.trim()));
    if (terms.flat().some((part) => !/^[\w.:-]+$/.test(part))) return [expression];
    const missing: string[] = [];
    const factor = (part: string): number => {
      if (/^\d+$/.test(part)) return Number(part);
      const value = this.#value(part);
      if (value !== null) return value;
      missing.push(part);
      return Number.NaN;
    };
    const products = terms.map((term) => term.reduce((product, part) => product * factor(part), 1));
    const sum = products.reduce((total, product) => total + product, 0);
    return missing.length > 0 ? missing : sum;
  }
}

/**
 * Facts of the graph's inputs and initializers. Fails with one diagnostic that lists every symbol
 * without a value; inputs that are not in `read` need none.
 */
export function inputFacts(
  graph: SourceGraph,
  binding: Binding,
  read: ReadonlySet<string>,
): Map<string, Fact> {
  const facts = new Map<string, Fact>();
  const missing = new Set<string>();
  for (const [name, type] of graph.inputs) {
    if (graph.initializers.has(name)) continue;
    if (type.shape === null) {
      if (read.has(name)) fail(inputWithoutShape(name));
      continue;
    }
    const dims = type.shape.map((dim, axis) => binding.resolve(dim, `${name}.${axis}`));
    if (dims.every((dim) => typeof dim === "number")) {
      const shape = checkedShape(name, dims);
      if (shape[0] === 0) fail(inputWithoutSamples(name));
      facts.set(name, { dtype: type.dtype, shape, value: null });
    } else if (read.has(name)) {
      for (const dim of dims) if (typeof dim !== "number") for (const s of dim) missing.add(s);
    }
  }
  if (missing.size > 0) fail(unboundSymbols([...missing], binding.unused()));
  for (const [name, tensor] of graph.initializers) facts.set(name, tensor);
  return facts;
}
