import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import protobuf from "protobufjs";
import { afterAll } from "vitest";
import type { Diagnostic } from "../../src/base/diagnostics/diagnostic.js";
import { DiagnosticError } from "../../src/base/diagnostics/diagnostic.js";
import type { TensorGraph } from "../../src/ir/tensor-graph.js";
import { readTensorGraph } from "../../src/onnx/read.js";
import { ROOT } from "./paths.js";

const schema = protobuf.loadSync(join(ROOT, "src/onnx/proto/onnx.proto"));

/** A protobuf message as plain fields, in camel case. */
export type Fields = Readonly<Record<string, unknown>>;

/** Bytes of a message of our own schema, written by protobufjs' reflection. */
export function encode(message: string, fields: Fields): Uint8Array {
  const type = schema.lookupType(`onnx.${message}`);
  return type.encode(type.fromObject(fields)).finish();
}

/** Bytes of a model with one graph. */
export function modelBytes(graph: Fields, model: Fields = {}): Uint8Array {
  const opsetImport = [{ domain: "", version: 17 }];
  return encode("ModelProto", { irVersion: 11, opsetImport, graph, ...model });
}

/** A float32 graph input, output or value. */
export function value(name: string, dims: readonly (number | string | null)[], elemType = 1) {
  const dim = dims.map((d) =>
    d === null ? {} : typeof d === "string" ? { dimParam: d } : { dimValue: d },
  );
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

/** A node; attributes are numbers, texts, number lists, `{ t }` tensors or `{ g }` graphs. */
export function node(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, unknown>> = {},
  more: Fields = {},
) {
  return { opType, input, output, attribute: Object.entries(attributes).map(attribute), ...more };
}

function attribute([name, content]: [string, unknown]): Fields {
  if (typeof content === "number") return { name, i: content, type: 2 };
  if (typeof content === "string") return { name, s: Buffer.from(content), type: 3 };
  if (Array.isArray(content)) return { name, ints: content, type: 7 };
  const fields = content as Fields;
  return { name, type: "t" in fields ? 4 : "g" in fields ? 5 : 0, ...fields };
}

/** An int64 tensor. */
export function int64s(values: readonly number[], dims: readonly number[] = [values.length]) {
  return { dims, dataType: 7, int64Data: values };
}

/** Writes bytes to a file that goes away after the test file. */
export function temporaryFile(): (bytes: Uint8Array) => string {
  const folder = mkdtempSync(join(tmpdir(), "kareus-onnx-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  let count = 0;
  return (bytes) => {
    const path = join(folder, `${count++}.onnx`);
    writeFileSync(path, bytes);
    return path;
  };
}

/** What reading a file yields: a graph or errors, and warnings. */
export interface Reading {
  readonly graph: TensorGraph | null;
  readonly errors: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

/** Reads a file; any exception but a DiagnosticError passes through. */
export function read(
  path: string,
  bind: Readonly<Record<string, number>> = {},
  expect: Readonly<Record<string, number>> = {},
): Reading {
  const warnings: Diagnostic[] = [];
  const report = (diagnostic: Diagnostic) => warnings.push(diagnostic);
  try {
    const mapped = (record: Readonly<Record<string, number>>) => new Map(Object.entries(record));
    const options = { bind: mapped(bind), expect: mapped(expect), dtype: null, report };
    return { graph: readTensorGraph(path, options), errors: [], warnings };
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    return { graph: null, errors: error.diagnostics, warnings };
  }
}
