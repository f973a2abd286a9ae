// Copies what tsc does not emit into dist: the generated protobuf code, the report page's parts.
import { cpSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PROTO_FOLDERS } from "./proto-folders.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const assets = [
  ...Object.values(PROTO_FOLDERS).map((folder) => `${folder}/generated`),
  "src/views/report/generated",
  "src/views/report/style.css",
];
for (const path of assets) cpSync(join(root, path), join(root, "dist", path), { recursive: true });
