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
