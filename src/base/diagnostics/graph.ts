import { suggestingFiles } from "../suggest.js";
import { type Diagnostic, error, warning } from "./diagnostic.js";

/** KRS1xxx: what can be wrong with a model file and the graph in it. */

/** Code of the warning for unknown operators, so that `--strict` can turn it into an error. */
export const UNKNOWN_OPERATOR = "KRS1301";

/** The file cannot be opened or read. */
export function unreadableFile(path: string, reason: string): Diagnostic {
  const hint = suggestingFiles(path, "check the path");
  return error("KRS1001", path, `cannot read the model: ${reason}`, hint);
}

/** The bytes are not an ONNX model. */
export function notAProtobuf(path: string, reason: string): Diagnostic {
  return error("KRS1002", path, `not an ONNX model: ${reason}`, "give a .onnx file");
}

/** The file ends in the middle of a field. */
export function truncatedFile(path: string, size_bytes: number): Diagnostic {
  return error(
    "KRS1003",
    path,
    `the file ends in the middle of a field, after ${size_bytes} bytes`,
    "copy or export the file again",
  );
}

/** A protocol buffer whose inside contradicts itself. */
export function malformedModel(path: string, reason: string): Diagnostic {
  return error("KRS1004", path, `damaged ONNX model: ${reason}`, "copy or export the file again");
}

/** The model has no graph, or a graph without nodes. */
export function emptyGraph(path: string): Diagnostic {
  return error("KRS1005", path, "the model holds no nodes", "export a graph with operators");
}

/** External data outside the model's folder. */
export function externalPathEscapes(tensor: string, location: string): Diagnostic {
  return error(
    "KRS1006",
    tensor,
    `external data path ${JSON.stringify(location)} leaves the model's folder`,
    "save the model again with relative external data paths",
  );
}

/** Nodes wait for each other. */
export function graphCycle(node: string): Diagnostic {
  return error("KRS1101", node, "the node depends on its own output", "break the cycle");
}

/** A node, or the graph's own output, reads a tensor that nothing defines. */
export function missingTensor(reader: string, tensor: string): Diagnostic {
  return error(
    "KRS1102",
    reader,
    `reads ${JSON.stringify(tensor)}, which no node, input or initializer defines`,
    "export the graph again with its initializers listed (their data may stay external)",
  );
}

/** KRS1109: tensors that subgraphs read under names which are no longer the graph's. */
export function takenForOutput(tensor: string, output: string, count: number): Diagnostic {
  const others = count > 1 ? ` (and ${count - 1} more)` : "";
  return warning(
    "KRS1109",
    tensor,
    `no tensor has this name${others}; by torch.onnx's naming it is ${JSON.stringify(output)}`,
    "whatever renamed the graph's tensors left its loops and branches out: export it again",
  );
}

/** Names defined more than once; the first definition stays. */
export function redefinedTensors(first: string, count: number): Diagnostic {
  const others = count > 1 ? ` and ${count - 1} more` : "";
  return warning(
    "KRS1103",
    first,
    `the tensor${others} is defined more than once; the first definition is used`,
    "export the graph again with unique tensor names",
  );
}

/** KRS1104: a loop whose work is not known. */
export function controlFlow(node: string, op: string): Diagnostic {
  return error(
    "KRS1104",
    node,
    `${op} is not supported: how often its body runs is not known before the run`,
    "export with a fixed number of turns, or with the loop unrolled",
  );
}

/** KRS1108: a node that leaves out an input which its operator needs. */
export function missingOperand(node: string, op: string, index: number): Diagnostic {
  return error(
    "KRS1108",
    node,
    `${op} needs an input ${index}, which the node leaves out`,
    "the file is damaged or was cut: export it again",
  );
}

/** KRS1107: an operator on a list of tensors whose length is not known. */
export function tensorSequence(node: string, op: string): Diagnostic {
  return error(
    "KRS1107",
    node,
    `${op} is not supported: how many tensors a sequence holds is not known before the run`,
    "export without lists of tensors, or with lists whose length the shapes tell",
  );
}

/** A list where an operator takes one tensor. */
export function listOfTensors(node: string, op: string, list: string): Diagnostic {
  return error(
    "KRS1110",
    node,
    `${op} takes tensors, and ${JSON.stringify(list)} is a list of them`,
    "in the model, take one of the list (SequenceAt) or join it (ConcatFromSequence), then export again",
  );
}

/** A model-local function that calls itself, or functions that nest without end. */
export function endlessFunction(name: string): Diagnostic {
  return error(
    "KRS1105",
    name,
    "the model-local function nests without end",
    "inline the functions before export",
  );
}

/** Inlining functions multiplies nodes beyond what can be handled. */
export function tooManyNodes(limit: number): Diagnostic {
  return error(
    "KRS1106",
    "graph",
    `inlining functions and branches yields more than ${limit} nodes`,
    "export a smaller graph",
  );
}

/** Symbolic dimensions without a number; lists every missing flag, and names bound for nothing. */
export function unboundSymbols(names: readonly string[], unused: readonly string[]): Diagnostic {
  const missing = names.map((name) => `--bind ${quoted(name)}=N`).join(" ");
  return error(
    "KRS1201",
    "--bind",
    `symbolic dimensions have no value: ${names.join(", ")}`,
    unused.length === 0 ? `add ${missing}` : `${missing} instead of ${unused.join(", ")}?`,
  );
}

/** A bound name that the graph does not use. */
export function unusedBinding(name: string): Diagnostic {
  return warning(
    "KRS1202",
    `--bind ${quoted(name)}`,
    "the graph has no symbolic dimension of that name",
    "remove it, or run `kareus inspect` to see the graph's inputs",
  );
}

/** KRS1206: a group named on the command line that no collective is over. */
export function unusedGroup(name: string): Diagnostic {
  return warning(
    "KRS1206",
    `--group ${quoted(name)}`,
    "no collective of the graph is over a group of that name",
    "remove it, or run `kareus inspect` to see the graph's collectives",
  );
}

/** A dimension below zero, not whole, or beyond 2^40 elements. */
export function badDimension(where: string, dim: number | string): Diagnostic {
  return error(
    "KRS1203",
    where,
    `dimension ${dim} is not a size`,
    "dimensions are whole numbers from 0 to 2^40, tensors hold at most 2^48 elements; check --bind",
  );
}

/** An input whose leading axis, along which samples lie, is empty. */
export function inputWithoutSamples(input: string): Diagnostic {
  return error(
    "KRS1205",
    input,
    "the graph input holds no samples: its first dimension is 0",
    "bind the batch to at least 1, for example --bind batch=8",
  );
}

/** An input of the graph whose rank or type is unknown. */
export function inputWithoutShape(input: string): Diagnostic {
  return error(
    "KRS1204",
    input,
    "the graph input has no tensor shape",
    "export the graph with typed inputs (symbolic dimensions are fine; sequences are not)",
  );
}

/** An operator without an entry in the operator table. */
export function balancedExperts(node: string, experts: number): Diagnostic {
  return warning(
    "KRS1304",
    node,
    `how many tokens each expert gets is not known before the run: taken to be one of ${experts} equal shares`,
    "experts with a fixed capacity, as one batched product, need no such guess",
  );
}

/** KRS1207: a pattern of parameters that none has. */
export function nothingFrozen(pattern: string, names: readonly string[]): Diagnostic {
  const some = names.slice(0, 4).join(", ");
  return error(
    "KRS1207",
    `--freeze ${quoted(pattern)}`,
    "no parameter of the graph has such a name",
    names.length === 0 ? "the graph trains nothing" : `parameters are called ${some}...`,
  );
}

/** KRS1307: optimizers in the graph, which run once an iteration. */
export function updatesApart(node: string, count: number): Diagnostic {
  const others = count > 1 ? ` (and ${count - 1} more)` : "";
  return warning(
    "KRS1307",
    node,
    `the graph brings its optimizer${others}: it runs once an iteration, as --optimizer says`,
    "choose the kind of states that it keeps: --optimizer adamw, adamw-bf16 or sgd",
  );
}

/** KRS1308: what torch.onnx writes for repeat_interleave, read as it is meant. */
export function repeatsMended(node: string): Diagnostic {
  return warning(
    "KRS1308",
    node,
    "ends a repeat_interleave with sizes of 0 that count axes before the repeat, against ONNX's rule; read as they are meant",
    "torch.onnx writes this where sizes are unknown: export with dynamo=True, or with static sizes",
  );
}

/** KRS1305: a size that depends on data, as the user expects it. */
export function assumedSize(node: string, op: string, count: number): Diagnostic {
  return warning(
    "KRS1305",
    node,
    `what ${op} finds depends on data: taken to be ${count}, as --expect says`,
    "work and memory follow from it; another number gives another plan",
  );
}

/** KRS1306: an expected size that nothing asks for. */
export function unusedExpectation(name: string): Diagnostic {
  return warning(
    "KRS1306",
    `--expect ${quoted(name)}`,
    "no size that depends on data has that name",
    "use the name of the node, or of its output, that the diagnostic without --expect gives",
  );
}

/** An operator that has no entry, the first of `count` of its kind. */
export function unknownOperator(op: string, node: string, count: number): Diagnostic {
  const others = count > 1 ? ` (and ${count - 1} more)` : "";
  return warning(
    UNKNOWN_OPERATOR,
    node,
    `unknown operator ${op}${others}: its outputs are taken to be shaped like its largest input`,
    "export with shape inference, or accept the estimate",
  );
}

/** Shape inference refused; `input` names the tensor at fault. */
export function shapeNotInferred(
  node: string,
  op: string,
  input: string,
  reason: string,
  dependsOnData = false,
): Diagnostic {
  const of = input === "" ? "" : ` (input ${JSON.stringify(input)})`;
  return error(
    "KRS1302",
    node,
    `the output shape of ${op} is not known: ${reason}${of}`,
    dependsOnData
      ? `say how many are expected: --expect ${quoted(node)}=N`
      : "bind its symbolic dimensions with --bind, or export again with onnx shape inference",
  );
}

/** Stored tensors that may as well be learned. */
export function statesGuessed(tensors: readonly string[]): Diagnostic {
  const [first] = tensors;
  const others = tensors.length > 1 ? ` and ${tensors.length - 1} more` : "";
  return warning(
    "KRS1310",
    `${first}`,
    `each sample has a part of this stored tensor${others}, put beside its data: it is taken for a state that is not trained`,
    "export with a symbolic batch, so that a learned token is stored once and not for each sample",
  );
}

/** Inputs that may as well be data. */
export function parametersGuessed(inputs: readonly string[]): Diagnostic {
  const [first] = inputs;
  const others = inputs.length > 1 ? ` and ${inputs.length - 1} more` : "";
  return warning(
    "KRS1309",
    `${first}`,
    `the file stores no weights: this input${others} is taken for a parameter`,
    "export what is data with a symbolic first dimension, as a batch has, or store the weights in the file",
  );
}

/** The file's own shape information says otherwise. */
export function shapeDisagreement(
  tensor: string,
  inferred: readonly number[],
  stated: readonly number[],
  count: number,
): Diagnostic {
  const others = count > 1 ? `; ${count - 1} more tensors disagree` : "";
  return warning(
    "KRS1303",
    tensor,
    `inferred shape [${inferred}] but the file states [${stated}]; inferred is used${others}`,
    "check --bind against the sizes the graph was exported with",
  );
}

function quoted(name: string): string {
  return /^[\w./:-]+$/.test(name) ? name : `'${name}'`;
}
