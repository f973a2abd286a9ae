import { basename } from "node:path";
import type { Report } from "../base/diagnostics/diagnostic.js";
import { parametersGuessed } from "../base/diagnostics/graph.js";
import type { DType, Tensor, TensorGraph, TensorNode, ToldOfGraph } from "../ir/tensor-graph.js";
import { Binding, inputFacts } from "./bind.js";
import { decodeModel } from "./decode.js";
import { frozen } from "./freeze.js";
import { inferShapes } from "./inference/infer-shapes.js";
import { inlineFunctions } from "./inline.js";
import { readsOf, scopeOf } from "./names.js";
import type { Fact } from "./operators/operator.js";
import { orderNodes } from "./order.js";
import { reconnected } from "./reconnect.js";
import { assignRoles } from "./roles/assign-roles.js";
import { guessedParameters } from "./roles/guessed-parameters.js";
import type { Training } from "./roles/input-roles.js";
import type { SourceGraph, SourceNode } from "./source.js";
import { stripPayloads } from "./strip-payloads.js";
import { microbatchGraph } from "./updates.js";

interface ReadOptions {
  /** Sizes of symbolic dimensions by name, or of one axis by `<input>.<axis>`. */
  readonly bind: ReadonlyMap<string, number>;
  /** Type of every 2 and 4 byte floating tensor; null keeps the file's. */
  readonly dtype: DType | null;
  /** How many elements data-dependent operators find, by the name of node or output. */
  readonly expect?: ReadonlyMap<string, number>;
  /** Patterns of the parameters that are not trained. */
  readonly freeze?: readonly string[];
  readonly report: Report;
}

/** What `--dtype` changes. */
const RETYPED: ReadonlySet<DType> = new Set(["float32", "float16", "bfloat16"]);

/**
 * Reads an ONNX file (`-` is stdin) into a tensor graph with every shape known; weights are never
 * loaded. Throws DiagnosticError where the file is damaged or a shape cannot be known; warnings go
 * to `report`.
 */
export function readTensorGraph(path: string, options: ReadOptions): TensorGraph {
  const { graph, training, facts, sha256, told } = readShapes(path, options);
  const retyped = (dtype: DType) => (RETYPED.has(dtype) ? (options.dtype ?? dtype) : dtype);
  const tensors = assignRoles(graph, training, facts, retyped, options.report);
  const guessed = guessedParameters(graph, training, tensors);
  if (guessed.length > 0) options.report(parametersGuessed(guessed));
  return {
    level: "tensor",
    name: path === "-" ? graph.name : basename(path, ".onnx"),
    sha256,
    nodes: graph.nodes.map(tensorNode),
    tensors: frozen(tensors, graph.nodes, options.freeze ?? [], graph.frozen),
    outputs: [...graph.outputs.keys()],
    told,
    batch_symbol: batchSymbol(graph, tensors),
  };
}

/** The file's graph in order, with a shape for every tensor. */
interface ShapedGraph {
  readonly graph: SourceGraph;
  readonly training: Training;
  readonly facts: ReadonlyMap<string, Fact>;
  readonly sha256: string;
  readonly told: ToldOfGraph;
}

/** A function of its own, so that the file's bytes and the names in use are let go with it. */
function readShapes(path: string, { bind, expect = new Map(), report }: ReadOptions): ShapedGraph {
  const { bytes, sha256 } = stripPayloads(path);
  const model = decodeModel(bytes, path);
  const source = reconnected(model.graph, report);
  const scope = scopeOf(source);
  const inlined = inlineFunctions(source, model.functions, scope);
  const isInput = (name: string) => inlined.inputs.has(name) || inlined.initializers.has(name);
  const whole = { ...inlined, nodes: orderNodes(inlined.nodes, { has: isInput }, report) };
  const { graph: ordered, ...training } = microbatchGraph(whole, report);
  const binding = new Binding(bind);
  const read = new Set<string>();
  for (const node of ordered.nodes) {
    for (const name of readsOf(node)) if (ordered.inputs.has(name)) read.add(name);
  }
  const facts = inputFacts(ordered, binding, read);
  const { nodes, expected } = inferShapes(ordered, facts, { binding, expect, scope, report });
  binding.reportUnused(report);
  const told = { bind: binding.used(), expect: expected };
  return { graph: { ...ordered, nodes }, training, facts, sha256, told };
}

/** The symbol that the samples of a microbatch are counted by; null: their number is fixed, or none is named. */
function batchSymbol(graph: SourceGraph, tensors: ReadonlyMap<string, Tensor>): string | null {
  for (const [name, { shape }] of graph.inputs) {
    if (tensors.get(name)?.role !== "data") continue;
    const leading = shape?.[0];
    return typeof leading === "string" ? leading : null;
  }
  return null;
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
