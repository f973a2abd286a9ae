import { elementCount, type TensorGraph } from "../../src/ir/tensor-graph.js";
import { indexOf } from "../rewriting/graph-index.js";

/**
 * The parameter that a tensor is another layout of: a joint graph's backward may read the transpose of
 * a transpose, and that is no second one. A part of a parameter, or several in one, stay what they are.
 */
function storedParameter(graph: TensorGraph, name: string): string {
  const index = indexOf(graph);
  const isParameter = (input: string) => graph.tensors.get(input)?.role === "parameter";
  const made = index.producer(name);
  if (made === undefined) return name;
  const [source, ...others] = made.inputs.filter(isParameter);
  if (source === undefined || others.length > 0) return name;
  const isWhole =
    elementCount(index.tensor(source).shape) === elementCount(index.tensor(name).shape);
  return isWhole ? storedParameter(graph, source) : name;
}

/**
 * The parameters that a tensor is made of: several that are put side by side (biases beside zeros, a tied table
 * and more) are stored each for itself.
 */
export function storedParameters(graph: TensorGraph, name: string): readonly string[] {
  const stored = storedParameter(graph, name);
  const joined = indexOf(graph).producerOf(stored, "Concat");
  if (joined === undefined) return [stored];
  return joined.inputs.flatMap((input) =>
    graph.tensors.get(input)?.role === "parameter" ? storedParameters(graph, input) : [],
  );
}

/** What shows a tensor in another shape, or to each sample, and runs no kernel. */
const VIEWS = new Set(["Expand", "Tile", "Reshape", "Squeeze", "Unsqueeze", "Identity"]);

/** The parameter that a tensor is, or repeats for each sample (learned tokens, latents); null for any other. */
export function parameterRead(graph: TensorGraph, name: string): string | null {
  const index = indexOf(graph);
  for (let read = name; ; ) {
    if (graph.tensors.get(read)?.role === "parameter") return read;
    const [source] = index.producerOf(read, ...VIEWS)?.inputs ?? [];
    if (source === undefined) return null;
    read = source;
  }
}
