import type { Tensor, TensorGraph, TensorNode } from "../../src/ir/tensor-graph.js";

type Shapes = Readonly<Record<string, readonly number[]>>;

/** A tensor graph by hand: everything that is not data or a parameter is an activation. */
export function tensorGraph(input: {
  readonly data?: Shapes;
  readonly parameters?: Shapes;
  readonly activations: Shapes;
  readonly nodes: readonly (readonly [
    name: string,
    op: string,
    inputs: readonly string[],
    attributes?: TensorNode["attributes"],
  ])[];
  readonly outputs?: readonly string[];
}): TensorGraph {
  const tensors = new Map<string, Tensor>();
  const add = (shapes: Shapes, role: Tensor["role"], batch_axis: number | null) => {
    for (const [name, shape] of Object.entries(shapes)) {
      tensors.set(name, { name, dtype: "bfloat16", shape, role, batch_axis });
    }
  };
  add(input.data ?? {}, "data", 0);
  add(input.parameters ?? {}, "parameter", null);
  add(input.activations, "activation", 0);
  const nodes = input.nodes.map(
    ([name, op, inputs, attributes = {}]): TensorNode => ({
      ...{ name, op, inputs, attributes },
      outputs: [name],
      direction: "forward",
      origin: "graph",
      layer: null,
      covers: [name],
    }),
  );
  const { outputs = [] } = input;
  return { level: "tensor", name: "by hand", sha256: "", nodes, tensors, outputs };
}
