import {
  elementCount,
  type TensorGraph,
  type TensorNode,
  tensorOf,
} from "../../src/ir/tensor-graph.js";
import { isLoss } from "../../src/onnx/forward-end.js";

/**
 * Where backward starts: at the loss, else at a first output of one element. A model without either is
 * trained by its first output, and by each later one that parameters lead to which no earlier one has.
 */
export function startsOf(
  graph: TensorGraph,
  forward: readonly TensorNode[],
  differentiable: ReadonlySet<string>,
): readonly string[] {
  const makers = new Map<string, TensorNode>();
  const losses = new Set<string>();
  for (const node of forward) {
    const follows = isLoss(node.op) || node.inputs.some((input) => losses.has(input));
    for (const output of node.outputs) {
      makers.set(output, node);
      if (follows) losses.add(output);
    }
  }
  const ends = graph.outputs.filter((name) => makers.has(name) && differentiable.has(name));
  const loss = ends.find((name) => losses.has(name));
  if (loss !== undefined) return [loss];
  const [first] = ends;
  if (first === undefined || elementCount(tensorOf(graph, first).shape) === 1) {
    return ends.slice(0, 1);
  }
  const starts = new Set<string>();
  const seen = new Set<string>();
  for (const end of ends) {
    let trains = false;
    const within: string[] = [];
    const behind = [end];
    for (const name of behind) {
      if (starts.has(name)) within.push(name);
      if (seen.has(name)) continue;
      seen.add(name);
      trains ||= graph.tensors.get(name)?.role === "parameter" && differentiable.has(name);
      const maker = makers.get(name);
      if (maker !== undefined) behind.push(...maker.inputs);
    }
    if (!trains) continue;
    // What a later result is made of gets its gradient from there.
    for (const name of within) starts.delete(name);
    starts.add(end);
  }
  return [...starts];
}
