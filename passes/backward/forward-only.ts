import type { Tensor, TensorGraph } from "../../src/ir/tensor-graph.js";

/** The graph without its backward, if it has one: no parameter is trained. */
export function forwardOnly(graph: TensorGraph): TensorGraph {
  const nodes = graph.nodes.filter(({ direction }) => direction === "forward");
  const backward = graph.nodes.filter(({ direction }) => direction === "backward");
  const gone = new Set(backward.flatMap(({ outputs }) => outputs));
  const kept = [...graph.tensors.values()].filter(({ name }) => !gone.has(name));
  const tensors = new Map(
    kept.map((tensor): readonly [string, Tensor] => [
      tensor.name,
      tensor.role === "parameter" ? { ...tensor, frozen: true } : tensor,
    ]),
  );
  return { ...graph, nodes, tensors, outputs: graph.outputs.filter((name) => !gone.has(name)) };
}
