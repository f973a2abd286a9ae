import type { LoweringContext } from "../../src/ir/pass.js";
import type { DType, Tensor, TensorGraph, TensorNode } from "../../src/ir/tensor-graph.js";
import { ONE_GPU } from "./one-gpu.js";

export type Shape = readonly number[];
type Shapes = Readonly<Record<string, Shape>>;

/** What a node by hand may state beside its name, operator, inputs and attributes. */
type NodeExtras = Partial<Pick<TensorNode, "outputs" | "direction" | "layer" | "origin">>;

/**
 * A tensor graph by hand: everything that is not data, a parameter or a constant is an activation;
 * a node makes the tensor of its own name unless it lists outputs.
 */
export function tensorGraph(input: {
  readonly data?: Shapes;
  readonly parameters?: Shapes;
  readonly constants?: Shapes;
  readonly gradients?: Shapes;
  readonly activations: Shapes;
  /** Types other than bfloat16. */
  readonly dtypes?: Readonly<Record<string, DType>>;
  readonly nodes: readonly (readonly [
    name: string,
    op: string,
    inputs: readonly string[],
    attributes?: TensorNode["attributes"],
    extras?: NodeExtras,
  ])[];
  readonly outputs?: readonly string[];
}): TensorGraph {
  const tensors = new Map<string, Tensor>();
  const add = (shapes: Shapes, role: Tensor["role"], batch_axis: number | null) => {
    for (const [name, shape] of Object.entries(shapes)) {
      const dtype = input.dtypes?.[name] ?? "bfloat16";
      const axis = shape.length === 0 ? null : batch_axis;
      tensors.set(name, { name, dtype, shape, role, batch_axis: axis });
    }
  };
  add(input.data ?? {}, "data", 0);
  add(input.parameters ?? {}, "parameter", null);
  add(input.constants ?? {}, "constant", null);
  add(input.gradients ?? {}, "gradient", null);
  add(input.activations, "activation", 0);
  const nodes = input.nodes.map(
    ([name, op, inputs, attributes = {}, extras = {}]): TensorNode => ({
      ...{ name, op, inputs, attributes },
      outputs: [name],
      direction: "forward",
      origin: "graph",
      layer: null,
      covers: [name],
      ...extras,
    }),
  );
  const { outputs = [] } = input;
  return { level: "tensor", name: "by hand", sha256: "", nodes, tensors, outputs };
}

/** Runs a pass on one GPU unless `options` say more; kernels take no time. */
export function runPass<Input, Output>(
  pass: { readonly run: (input: Input, context: LoweringContext) => Output },
  graph: Input,
  options: Partial<LoweringContext["options"]> = {},
  report: LoweringContext["report"] = () => undefined,
): Output {
  return pass.run(graph, {
    options: { ...ONE_GPU, ...options },
    kernelTime: () => 0,
    report,
  });
}

/** A graph's nodes, one line each: `name op(inputs)`. */
export function nodeLines(graph: TensorGraph): string[] {
  return graph.nodes.map(
    ({ name, op, inputs }) => `${name} ${op.replace(/^kareus::/, "")}(${inputs.join(" ")})`,
  );
}

/** The shape of a tensor; undefined if the graph has none of that name. */
export function shapeOf(graph: TensorGraph, name: string): Shape | undefined {
  return graph.tensors.get(name)?.shape;
}
