import { readFileSync } from "node:fs";
import onnxProto from "onnx-proto";

const { ModelProto } = onnxProto.onnx;

/** Names of the symbolic dimensions of a model's inputs, read by a decoder that is not ours. */
export function symbolsOf(path: string): string[] {
  const inputs = ModelProto.decode(readFileSync(path)).graph?.input ?? [];
  const dims = inputs.flatMap((input) => input.type?.tensorType?.shape?.dim ?? []);
  return [...new Set(dims.flatMap(({ dimParam }) => (dimParam ? [dimParam] : [])))];
}
