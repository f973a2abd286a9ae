import { fail } from "../base/diagnostics/diagnostic.js";
import { emptyGraph, malformedModel } from "../base/diagnostics/graph.js";
import type { AttributeValue } from "../ir/tensor-graph.js";
import { bandOfAll } from "./bands.js";
import { ExternalFiles } from "./external-files.js";
import { nameAt } from "./names.js";
import { onnx } from "./proto/generated/onnx.js";
import {
  functionKey,
  type SourceDim,
  type SourceFunction,
  type SourceGraph,
  type SourceModel,
  type SourceNode,
  type SourceTensor,
  type SourceType,
} from "./source.js";
import { decodeTensor, dtypeOf } from "./tensor-data.js";
import { many, toNumber, utf8, words } from "./wire.js";

type Opsets = ReadonlyMap<string, number>;

/** What decoding a part of a model needs to know. */
interface Context {
  readonly opsets: Opsets;
  /** Where data lies that is not in the model. */
  readonly files: ExternalFiles;
}

/** Version taken where a model imports no operator set for a domain. */
const DEFAULT_OPSET = 21;

/**
 * Decodes a ModelProto; what data beside it shows as masks is read. Fails with a diagnostic if its inside is
 * damaged or it holds no nodes.
 */
export function decodeModel(bytes: Uint8Array, path: string): SourceModel {
  const files = new ExternalFiles(path);
  try {
    return decodedModel(bytes, path, files);
  } finally {
    files.close();
  }
}

function decodedModel(bytes: Uint8Array, path: string, files: ExternalFiles): SourceModel {
  const model = decoded(onnx.ModelOutline, bytes, path);
  const on = { opsets: decodeOpsets(many(model.opsetImport)), files };
  const graph = model.graph;
  if (!graph?.node?.length) return fail(emptyGraph(path));
  const functions = new Map<string, SourceFunction>();
  for (const proto of many(model.functions)) {
    const key = functionKey(opKey(words(proto.domain), words(proto.name)), words(proto.overload));
    functions.set(key, decodeFunction(proto, on));
  }
  const nodes = function* () {
    for (const node of many(graph.node)) yield decoded(onnx.NodeProto, node, path);
  };
  const initializers = function* () {
    for (const tensor of many(graph.initializer)) yield decoded(onnx.TensorProto, tensor, path);
  };
  return { graph: sourceGraph(graph, nodes(), initializers(), on), functions };
}

/** A message, or the diagnostic that its bytes are damaged. */
function decoded<T>(message: { decode(bytes: Uint8Array): T }, bytes: Uint8Array, path: string): T {
  try {
    return message.decode(bytes);
  } catch (error) {
    return fail(malformedModel(path, error instanceof Error ? error.message : String(error)));
  }
}

function decodeOpsets(imports: readonly onnx.OperatorSetIdProto.$Properties[]): Opsets {
  const opsets = new Map<string, number>();
  for (const { domain, version } of imports) {
    const key = standard(words(domain));
    // Merged training graphs import a domain several times; the oldest is what wrote the operators.
    const known = opsets.get(key);
    if (known === undefined || toNumber(version) < known) opsets.set(key, toNumber(version));
  }
  return opsets;
}

function standard(domain: string): string {
  return domain === "ai.onnx" ? "" : domain;
}

function opKey(domain: string, op: string): string {
  const normal = standard(domain);
  return normal === "" ? op : `${normal}::${op}`;
}

function decodeFunction(proto: onnx.FunctionProto.$Properties, model: Context): SourceFunction {
  const opsets = new Map([...model.opsets, ...decodeOpsets(many(proto.opsetImport))]);
  const on = { ...model, opsets };
  return {
    inputs: many(proto.input),
    outputs: many(proto.output),
    nodes: many(proto.node).map((node) => decodeNode(node, on)),
    defaults: decodeAttributes(many(proto.attributeProto), proto.name ?? "function", on),
  };
}

function decodeGraph(graph: onnx.GraphProto.$Properties, on: Context): SourceGraph {
  return sourceGraph(graph, many(graph.node), many(graph.initializer), on);
}

type GraphFields = Omit<onnx.GraphProto.$Properties, "node" | "initializer">;

function sourceGraph(
  graph: GraphFields,
  nodes: Iterable<onnx.NodeProto.$Properties>,
  initializers: Iterable<onnx.TensorProto.$Properties>,
  on: Context,
): SourceGraph {
  const sources: SourceNode[] = [];
  for (const node of nodes) sources.push(decodeNode(node, on));
  const trained = decodeKinds(many(graph.valueInfo));
  return {
    name: words(graph.name),
    nodes: sources,
    initializers: decodeInitializers(initializers, many(graph.sparseInitializer), trained, on),
    inputs: decodeTypes(many(graph.input)),
    outputs: decodeTypes(many(graph.output)),
    stated: decodeTypes(many(graph.valueInfo)),
    trained,
    frozen: decodeFrozen(many(graph.valueInfo)),
  };
}

function decodeInitializers(
  tensors: Iterable<onnx.TensorProto.$Properties>,
  sparse: readonly onnx.SparseTensorProto.$Properties[],
  trained: ReadonlyMap<string, boolean>,
  { files }: Context,
): Map<string, SourceTensor> {
  const initializers = new Map<string, SourceTensor>();
  for (const tensor of tensors) {
    const stored = decodeTensor(tensor, "initializer", files);
    const isTrained = trained.get(words(tensor.name)) === true;
    // Numbers that change hide nothing, whatever they begin with.
    initializers.set(
      words(tensor.name),
      isTrained ? { ...stored, band: bandOfAll(stored.shape) } : stored,
    );
  }
  for (const { values, dims } of sparse) {
    const dense = { ...values, dims: [...many(dims)], rawData: null };
    initializers.set(words(values?.name), decodeTensor(dense, "sparse initializer", files));
  }
  return initializers;
}

function decodeTypes(values: readonly onnx.ValueInfoProto.$Properties[]): Map<string, SourceType> {
  const types = new Map<string, SourceType>();
  for (const { name, type } of values) {
    const tensor = type?.tensorType;
    types.set(words(name), {
      dtype: dtypeOf(toNumber(tensor?.elemType)),
      shape: tensor?.shape ? many(tensor.shape.dim).map(decodeDim) : null,
    });
  }
  return types;
}

/** Where torch notes what it stores a tensor for. */
const KIND = "pkg.torch.export.graph_signature.InputSpec.kind";
const TRAINED_BY_KIND: ReadonlyMap<string, boolean> = new Map([
  ["PARAMETER", true],
  ["BUFFER", false],
  ["CONSTANT_TENSOR", false],
]);

function decodeKinds(values: readonly onnx.ValueInfoProto.$Properties[]): Map<string, boolean> {
  const kinds = new Map<string, boolean>();
  for (const { name, metadataProps } of values) {
    const kind = many(metadataProps).find(({ key }) => key === KIND)?.value;
    const isTrained = TRAINED_BY_KIND.get(words(kind));
    if (isTrained !== undefined) kinds.set(words(name), isTrained);
  }
  return kinds;
}

/** Where kareus's exporter notes parameters that take no gradient. */
const FROZEN = "kareus.frozen";

function decodeFrozen(values: readonly onnx.ValueInfoProto.$Properties[]): ReadonlySet<string> {
  const isNoted = ({ metadataProps }: onnx.ValueInfoProto.$Properties) =>
    many(metadataProps).some(({ key }) => key === FROZEN);
  return new Set(values.filter(isNoted).map(({ name }) => words(name)));
}

function decodeDim(dim: onnx.TensorShapeProto.Dimension.$Properties): SourceDim {
  if (dim.dimParam) return dim.dimParam.trim();
  if (!Object.hasOwn(dim, "dimValue")) return null;
  const size = toNumber(dim.dimValue);
  // Some exporters write a size that they leave open as -1.
  return size === -1 ? null : size;
}

function decodeNode(node: onnx.NodeProto.$Properties, on: Context): SourceNode {
  const name = words(node.name);
  const attributes = many(node.attribute);
  const op = opKey(words(node.domain), words(node.opType));
  return {
    name,
    op,
    opset: on.opsets.get(standard(words(node.domain))) ?? DEFAULT_OPSET,
    overload: words(node.overload),
    inputs: exact(node.input),
    outputs: exact(node.output),
    attributes: decodeAttributes(attributes, name || nameAt(many(node.output), 0), on),
    references: record(attributes, ({ refAttrName }) => refAttrName || undefined),
    subgraphs: record(attributes, ({ g }) => (g ? decodeSubgraph(op, g, on) : undefined)),
  };
}

/** A branch takes nothing: what one lists as its inputs are tensors of the graph around it. */
function decodeSubgraph(op: string, graph: onnx.GraphProto.$Properties, on: Context) {
  const decoded = decodeGraph(graph, on);
  return op === "If" ? { ...decoded, inputs: new Map() } : decoded;
}

/** Shared by the many nodes that have nothing of a kind. */
const NOTHING = {};

/** A copy as long as its elements: an array grown by the decoder holds room for 17 at least. */
function exact(names: readonly string[] | null | undefined): readonly string[] {
  return many(names).slice();
}

/** What attributes hold of one kind, by name. */
function record<T>(
  attributes: readonly onnx.AttributeProto.$Properties[],
  held: (attribute: onnx.AttributeProto.$Properties) => T | undefined,
): Readonly<Record<string, T>> {
  let found: (readonly [string, T])[] | null = null;
  for (const attribute of attributes) {
    const value = held(attribute);
    if (value === undefined) continue;
    found ??= [];
    found.push([words(attribute.name), value]);
  }
  return found === null ? NOTHING : Object.fromEntries(found);
}

function decodeAttributes(
  attributes: readonly onnx.AttributeProto.$Properties[],
  where: string,
  on: Context,
): Readonly<Record<string, AttributeValue>> {
  return record(attributes, (attribute) => decodeAttribute(attribute, where, on) ?? undefined);
}

/** Numbers of AttributeProto.AttributeType. */
const TYPES = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 };

function decodeAttribute(
  attribute: onnx.AttributeProto.$Properties,
  where: string,
  { files }: Context,
): AttributeValue | null {
  if (attribute.refAttrName) return null;
  switch (attribute.type || guessType(attribute)) {
    case TYPES.float:
      return toNumber(attribute.f);
    case TYPES.int:
      return toNumber(attribute.i);
    case TYPES.string:
      return utf8(attribute.s);
    case TYPES.tensor:
      return attribute.t ? decodeTensor(attribute.t, where, files) : null;
    case TYPES.floats:
      return many(attribute.floats);
    case TYPES.ints:
      return many(attribute.ints).map(toNumber);
    case TYPES.strings:
      return many(attribute.strings).map(utf8);
    default:
      return null;
  }
}

/** Files of the first IR versions leave the type out: the field that is present tells. */
function guessType(attribute: onnx.AttributeProto.$Properties): number {
  if (attribute.ints?.length) return TYPES.ints;
  if (attribute.floats?.length) return TYPES.floats;
  if (attribute.strings?.length) return TYPES.strings;
  if (attribute.t) return TYPES.tensor;
  if (Object.hasOwn(attribute, "s")) return TYPES.string;
  return Object.hasOwn(attribute, "f") ? TYPES.float : TYPES.int;
}
