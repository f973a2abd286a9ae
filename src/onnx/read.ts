import { basename } from "node:path";
import type { Report } from "../base/diagnostics/diagnostic.js";
import type { DType, Tensor, TensorGraph, TensorNode } from "../ir/tensor-graph.js";
import { Binding, inputFacts } from "./bind.js";
import { decodeModel } from "./decode.js";
import { inferShapes } from "./infer.js";
import { inlineFunctions } from "./inline.js";
import { readsOf, scopeOf } from "./names.js";
import { orderNodes } from "./order.js";
import { assignRoles } from "./roles.js";
import type { SourceNode } from "./source.js";
import { stripPayloads } from "./strip-payloads.js";

interface ReadOptions {
  /** Sizes of symbolic dimensions by name, or of one axis by `<input>.<axis>`. */
  readonly bind: ReadonlyMap<string, number>;
  /** Type of every 2 and 4 byte floating tensor; null keeps the file's. */
  readonly dtype: DType | null;
  readonly report: Report;
}

/**
 * Reads an ONNX file (`-` is stdin) into a tensor graph with every shape known; weights are never
 * loaded. Throws DiagnosticError where the file is damaged or a shape cannot be known; warnings go
 * to `report`.
 */
export function readTensorGraph(path: string, options: ReadOptions): TensorGraph {
  const { report } = options;
  const file = stripPayloads(path);
  const model = decodeModel(file.bytes, path);
  const scope = scopeOf(model.graph);
  const inlined = inlineFunctions(model.graph, model.functions, scope);
  const isInput = (name: string) => inlined.inputs.has(name) || inlined.initializers.has(name);
  const nodes = orderNodes(inlined.nodes, { has: isInput }, report);
  const ordered = { ...inlined, nodes };
  const binding = new Binding(options.bind);
  const read = new Set(nodes.flatMap(readsOf));
  const facts = inputFacts(ordered, binding, (name) => read.has(name));
  const inferred = inferShapes(ordered, facts, binding, scope, report);
  binding.reportUnused(report);
  return {
    level: "tensor",
    name: path === "-" ? model.graph.name : basename(path, ".onnx"),
    sha256: file.sha256,
    nodes: inferred.nodes.map(tensorNode),
    tensors: retyped(assignRoles(ordered, inferred.nodes, facts), options.dtype),
    outputs: [...model.graph.outputs.keys()],
  };
}

function tensorNode({ name, op, inputs, outputs, attributes }: SourceNode): TensorNode {
  return {
    name,
    op,
    inputs,
    outputs,
    attributes,
    direction: "forward",
    origin: "graph",
    layer: null,
    covers: [name],
  };
}

const RETYPED: ReadonlySet<DType> = new Set(["float32", "float16", "bfloat16"]);

function retyped(tensors: Map<string, Tensor>, dtype: DType | null): Map<string, Tensor> {
  if (dtype === null) return tensors;
  for (const [name, tensor] of tensors) {
    if (RETYPED.has(tensor.dtype)) tensors.set(name, { ...tensor, dtype });
  }
  return tensors;
}
