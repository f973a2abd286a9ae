import { readFileSync } from "node:fs";
import onnxProto from "onnx-proto";

/** Reads models with a decoder that is not ours. */
const graphOf = (path: string) => onnxProto.onnx.ModelProto.decode(readFileSync(path)).graph;

/** Names of the symbolic dimensions of a model's inputs. */
export function symbolsOf(path: string): string[] {
  const inputs = graphOf(path)?.input ?? [];
  const dims = inputs.flatMap((input) => input.type?.tensorType?.shape?.dim ?? []);
  return [...new Set(dims.flatMap(({ dimParam }) => (dimParam ? [dimParam] : [])))];
}

/** Names by which plans may refer to a model: of its nodes and of what they put out. */
export function namesOf(path: string): Set<string> {
  const nodes = graphOf(path)?.node ?? [];
  return new Set(nodes.flatMap(({ name, output }) => [name ?? "", ...(output ?? [])]));
}

/** Elements of the weights that products read: floating, of two axes or more, no mere lookup table. */
export function weightsOf(path: string): readonly { shape: readonly number[]; elements: number }[] {
  const graph = graphOf(path);
  const nodes = graph?.node ?? [];
  const inputs = (graph?.input ?? []).map(({ name, type }) => ({
    name: name ?? "",
    dtype: type?.tensorType?.elemType ?? 0,
    shape: (type?.tensorType?.shape?.dim ?? []).map(({ dimParam, dimValue }) =>
      dimParam ? 0 : Number(dimValue ?? 0),
    ),
  }));
  const stored = (graph?.initializer ?? []).map(({ name, dataType, dims }) => ({
    name: name ?? "",
    dtype: dataType ?? 0,
    shape: (dims ?? []).map(Number),
  }));
  const FLOATS = [1, 10, 16];
  const known = new Map([...inputs, ...stored].map((tensor) => [tensor.name, tensor]));
  return [...known.values()].flatMap(({ name, dtype, shape }) => {
    const readers = nodes.filter(({ input }) => input?.includes(name));
    const lookup = readers.every(({ opType, input }) => opType === "Gather" && input?.[0] === name);
    const elements = shape.reduce((product, dim) => product * dim, 1);
    const isWeight = FLOATS.includes(dtype) && shape.length >= 2 && elements > 0 && !lookup;
    return isWeight ? [{ shape, elements }] : [];
  });
}
