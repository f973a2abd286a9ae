// Copies what tsc does not emit into dist: the generated protobuf code.
import { cpSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PROTO_FOLDERS } from "./proto-folders.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
for (const folder of Object.values(PROTO_FOLDERS)) {
  const generated = `${folder}/generated`;
  cpSync(join(root, generated), join(root, "dist", generated), { recursive: true });
}
