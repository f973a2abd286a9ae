import {
  type Tensor,
  type TensorGraph,
  type TensorNode,
  tensorOf,
} from "../../src/ir/tensor-graph.js";

/**
 * The graph with a mask for each Dropout that names none: the framework keeps a byte for each element,
 * which its backward reads.
 */
export function withMasks(graph: TensorGraph): TensorGraph {
  const made: Tensor[] = [];
  const nodes = graph.nodes.map((node): TensorNode => {
    const [output, mask = ""] = node.outputs;
    if (node.op !== "Dropout" || output === undefined || mask !== "") return node;
    const name = `${output}/mask`;
    made.push({ ...tensorOf(graph, output), name, dtype: "bool" });
    return { ...node, outputs: [output, name] };
  });
  if (made.length === 0) return graph;
  const tensors = new Map([...graph.tensors, ...made.map((mask) => [mask.name, mask] as const)]);
  return { ...graph, nodes, tensors };
}
