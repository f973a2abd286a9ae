import { fail, type Report } from "../../src/base/diagnostics/diagnostic.js";
import {
  inputsUnreached,
  parametersFolded,
  parametersUnreached,
} from "../../src/base/diagnostics/lowering.js";
import { isFloating, type TensorGraph, type TensorNode } from "../../src/ir/tensor-graph.js";
import { ancestors, forwardEnds, isLoss } from "../../src/onnx/forward-end.js";
import { isComputed } from "../rewriting/facts.js";

/**
 * Says which inputs and parameters the loss does not depend on. An export that lost a connection
 * leaves an input that nothing reads and parameters that meet no data: they would be taken for
 * constants, and their work for none. Fails where both are there; else every matrix that takes no
 * gradient is named in a warning. Needs directions.
 */
export function checkReach(graph: TensorGraph, report: Report): void {
  const ends = forwardEnds(graph, (name) => graph.tensors.get(name));
  if (ends === null) return;
  const { tensors: reaching } = ancestors(graph.nodes, ends);
  const { computing, folding } = readers(graph);
  const matrices = storedMatrices(graph);
  const folded = matrices.filter(
    (name) => reaching.has(name) && folding.has(name) && !computing.has(name),
  );
  const met = metByData(graph);
  const apart = matrices.filter((name) => reaching.has(name) && !met.has(name));
  const unreached = [...graph.tensors.values()].flatMap(({ name, role, dtype, shape }) => {
    const feeds = role === "data" && isFloating(dtype) && shape.length > 0;
    return feeds && !reaching.has(name) ? [name] : [];
  });
  if (apart.length > 0 && unreached.length > 0) {
    fail(inputsUnreached(graph.name, unreached, apart));
  }
  if (folded.length > 0) report(parametersFolded(graph.name, folded));
  const aside = matrices.filter((name) => !reaching.has(name) && computing.has(name));
  const hasLoss = graph.nodes.some(({ op }) => isLoss(op));
  if (hasLoss && aside.length > 0) report(parametersUnreached(graph.name, aside));
}

/** Stored floating tensors of two axes or more. */
function storedMatrices(graph: TensorGraph): readonly string[] {
  const made = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  return [...graph.tensors.values()].flatMap(({ name, role, dtype, shape }) => {
    const stored = role === "parameter" && isFloating(dtype) && !made.has(name);
    return stored && shape.filter((dim) => dim > 1).length > 1 ? [name] : [];
  });
}

/** What nodes read that read something made of the data, and what other layouts of it are made of. */
function metByData(graph: TensorGraph): ReadonlySet<string> {
  const made = new Set<string>();
  for (const { name, role } of graph.tensors.values()) if (role === "data") made.add(name);
  const meets = graph.nodes.filter(({ inputs, outputs }) => {
    const isMet = inputs.length === 0 || inputs.some((name) => made.has(name));
    if (isMet) for (const name of outputs) made.add(name);
    return isMet;
  });
  const met = new Set(meets.flatMap(({ inputs }) => inputs));
  for (const { inputs, outputs } of graph.nodes.toReversed()) {
    const isLayout = outputs.some((name) => graph.tensors.get(name)?.role === "parameter");
    if (isLayout && outputs.some((name) => met.has(name))) for (const name of inputs) met.add(name);
  }
  return met;
}

/** Tensors that reach nodes that run for every microbatch, directly or as other layouts of these. */
function readers(graph: TensorGraph): {
  readonly computing: ReadonlySet<string>;
  readonly folding: ReadonlySet<string>;
} {
  const computing = new Set<string>();
  const folding = new Set<string>();
  const isLayout = (node: TensorNode) =>
    node.outputs.some((name) => graph.tensors.get(name)?.role === "parameter");
  for (const node of graph.nodes.toReversed()) {
    const kept = isLayout(node);
    const computes = kept
      ? node.outputs.some((name) => computing.has(name))
      : isComputed(graph, node);
    const folds = kept ? node.outputs.some((name) => folding.has(name)) : !computes;
    for (const name of node.inputs) {
      if (computes) computing.add(name);
      if (folds) folding.add(name);
    }
  }
  return { computing, folding };
}
