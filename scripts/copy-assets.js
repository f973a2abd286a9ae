// Copies what tsc does not emit into dist: the generated protobuf code.
import { cpSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const generated = "src/onnx/proto/generated";
cpSync(join(root, generated), join(root, "dist", generated), { recursive: true });
