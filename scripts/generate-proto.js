// Makes static decoding code and its types from src/onnx/proto/onnx.proto.
import { mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import pbjs from "protobufjs-cli/pbjs.js";

const folder = join(dirname(fileURLToPath(import.meta.url)), "../src/onnx/proto");
const schema = join(folder, "onnx.proto");
const output = join(folder, "generated/onnx.js");

const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

const newest = Math.max(modified(schema), modified(fileURLToPath(import.meta.url)));
const oldest = Math.min(modified(output), modified(output.replace(/js$/, "d.ts")));
if (newest >= oldest) {
  mkdirSync(dirname(output), { recursive: true });
  await promisify(pbjs.main)([
    ...["--target", "static-module", "--wrap", "esm", "--root", "kareus-onnx"],
    ...["--no-create", "--no-encode", "--no-verify", "--no-convert", "--no-delimited"],
    ...["--no-typeurl", "--dts", "--out", output],
    schema,
  ]);
}
