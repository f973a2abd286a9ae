import { need } from "../../base/need.js";
import { type DType, elementCount, isFloating } from "../../ir/tensor-graph.js";
import { isOptimizer } from "../forward-end.js";
import type { Fact } from "../operators/operator.js";
import type { SourceGraph } from "../source.js";
import { ACCUMULATORS } from "./operator-kinds.js";
import { weightOperands } from "./weight-operands.js";

/**
 * Integer inputs and floating inputs with a symbolic leading dimension. Exporters list the model's
 * arguments before its parameters: what precedes the first of these is data too, and without any,
 * the first floating input is.
 */
export function dataInputs(
  graph: SourceGraph,
  names: readonly string[],
  facts: ReadonlyMap<string, Fact>,
): ReadonlySet<string> {
  const hasRank = (name: string) => need(facts, name).shape.length > 0;
  const certain = names.filter(
    (name) => hasRank(name) && isSurelyData(graph, name, need(facts, name).dtype),
  );
  const first = certain[0] === undefined ? -1 : names.indexOf(certain[0]);
  const before = first < 0 ? names.filter(hasRank).slice(0, 1) : names.slice(0, first);
  const found = new Set([...certain, ...before.filter(hasRank)]);
  return new Set([...found, ...beside(graph, names, facts, found)]);
}

/** Integers come with the data, and so does what has a first size of its own name. */
export function isSurelyData({ inputs }: SourceGraph, name: string, dtype: DType): boolean {
  const input = inputs.get(name);
  if (input === undefined || input.shape?.length === 0) return false;
  return typeof input.shape?.[0] !== "number" || /^u?int/.test(dtype);
}

/**
 * Floating inputs that come with the data: of as many samples as its first input, in a file that stores
 * its weights, or that hands back as much for each of them. A file that stores its weights takes data
 * of other sizes too, but for what is multiplied like a weight or handed back in its shape. Where
 * nothing but updates reads them, a size that happens to be equal says nothing.
 */
function beside(
  graph: SourceGraph,
  names: readonly string[],
  facts: ReadonlyMap<string, Fact>,
  found: ReadonlySet<string>,
): readonly string[] {
  const others = names.filter((name) => !found.has(name) && isFloating(need(facts, name).dtype));
  if (others.length === 0) return [];
  const samples = [...found].map((name) => need(facts, name).shape[0])[0];
  const stored = [...graph.initializers.keys()].filter((name) => {
    const fact = facts.get(name);
    return fact !== undefined && isFloating(fact.dtype) && fact.shape.length > 1;
  });
  const matrices = others.filter((name) => need(facts, name).shape.length > 1);
  const isBeside = (name: string) => need(facts, name).shape[0] === samples && read.has(name);
  const computes = graph.nodes.filter(({ op }) => !isOptimizer(op) && !ACCUMULATORS.has(op));
  const read = new Set(computes.flatMap(({ inputs }) => inputs));
  // Of weights that come as inputs, a joint graph hands gradients or updates back.
  const shapes = new Set([...graph.outputs.keys()].map((name) => facts.get(name)?.shape.join()));
  const returns = (name: string) => shapes.has(need(facts, name).shape.join());
  if (stored.length >= matrices.length) {
    const weights = weightOperands(graph);
    const isOther = (name: string) =>
      stored.length > 0 &&
      elementCount(need(facts, name).shape) > 1 &&
      read.has(name) &&
      !returns(name) &&
      !weights.has(name);
    return others.filter((name) => isBeside(name) || isOther(name));
  }
  const isJoint = 2 * matrices.filter(returns).length >= matrices.length;
  return isJoint ? others.filter((name) => isBeside(name) && !returns(name)) : [];
}
