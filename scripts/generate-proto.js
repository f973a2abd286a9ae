// Makes static decoding code and its types from our protobuf schemas, beside each in generated/.
import { mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import pbjs from "protobufjs-cli/pbjs.js";
import { PROTO_FOLDERS } from "./proto-folders.js";

const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

async function generate(folder, name) {
  const schema = join(folder, `${name}.proto`);
  const output = join(folder, `generated/${name}.js`);
  const newest = Math.max(modified(schema), modified(fileURLToPath(import.meta.url)));
  const oldest = Math.min(modified(output), modified(output.replace(/js$/, "d.ts")));
  if (newest < oldest) return;
  mkdirSync(dirname(output), { recursive: true });
  await promisify(pbjs.main)([
    ...["--target", "static-module", "--wrap", "esm", "--root", `kareus-${name}`],
    ...["--no-create", "--no-encode", "--no-verify", "--no-convert", "--no-delimited"],
    ...["--no-typeurl", "--dts", "--out", output],
    schema,
  ]);
}

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
for (const [name, folder] of Object.entries(PROTO_FOLDERS))
  await generate(join(root, folder), name);
