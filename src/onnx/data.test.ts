import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import onnxProto from "onnx-proto";
import { describe, expect, test } from "vitest";
import {
  GRAPHS_BIND as BIND,
  GRAPHS as FILES,
  GRAPHS_FOLDER as FOLDER,
} from "../../test/support/graphs.js";
import { type Reading, read, temporaryFile } from "../../test/support/onnx-model.js";
import { UNKNOWN_OPERATOR } from "../base/diagnostics/graph.js";
import { elementCount, type TensorGraph } from "../ir/tensor-graph.js";
import { bytesOf, flopsOf } from "../ir/work.js";
import { decodeModel } from "./decode.js";
import { operatorFor } from "./operators/index.js";
import type { SourceNode } from "./source.js";
import { stripPayloads } from "./strip-payloads.js";

/** What must not end in a graph, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  "ort_30_nested_loops_ir12.onnx": "KRS1104",
  // Its tensors were cut down for tests without its constants: 12 heads of a width of 4.
  "ort_gpt2_past_pt16.onnx": "KRS1302",
  // Its inputs are sequences of unknown length.
  "ort_training_api_adamw.onnx": "KRS1204",
};

/** Files cut down for tests, whose stated shapes are still those of the full model. */
const CUT_DOWN = ["ort_bert_squad_12l_pt14.onnx", "ort_gpt2_12l_pt14.onnx"];

function codes(reading: Reading, severity: "errors" | "warnings"): readonly string[] {
  return reading[severity].map((d) => d.code).filter((code) => code !== "KRS1202");
}

/** Every node's operations and bytes are numbers, and none is negative. */
function expectSaneWork({ nodes, tensors }: TensorGraph): void {
  const amounts = nodes.flatMap((node) => {
    const operand = (name: string) => tensors.get(name) ?? null;
    const { inputs, outputs } = node;
    const shaped = { ...node, inputs: inputs.map(operand), outputs: outputs.map(operand) };
    const launched = operatorFor(node.op)?.work(shaped);
    if (launched?.kind === "pointwise" || launched?.kind === "rows") return [launched.flops];
    return launched?.kind === "kernel" ? [flopsOf(launched.work), bytesOf(launched.work)] : [];
  });
  expect(amounts.filter((amount) => !Number.isFinite(amount) || amount < 0)).toEqual([]);
}

describe.skipIf(FILES.length === 0)("the example graphs", () => {
  test.each(FILES)("%s", (name) => {
    const reading = read(join(FOLDER, name), BIND);
    expect(codes(reading, "errors")).toEqual(REFUSED[name] === undefined ? [] : [REFUSED[name]]);
    const known = [UNKNOWN_OPERATOR, "KRS1103", ...(CUT_DOWN.includes(name) ? ["KRS1303"] : [])];
    expect(codes(reading, "warnings").filter((code) => !known.includes(code))).toEqual([]);
    if (reading.graph === null) return;
    const { nodes, tensors, outputs } = reading.graph;
    expect(new Set(nodes.map((node) => node.name)).size).toBe(nodes.length);
    const defined = new Set(nodes.flatMap((node) => node.outputs));
    const seen = new Set([...tensors.keys()].filter((tensor) => !defined.has(tensor)));
    for (const node of nodes) {
      for (const input of node.inputs) expect(input === "" || seen.has(input)).toBe(true);
      for (const output of node.outputs) seen.add(output);
    }
    for (const output of outputs) expect(tensors.has(output)).toBe(true);
    expectSaneWork(reading.graph);
    for (const { shape, batch_axis } of tensors.values()) {
      expect(Number.isSafeInteger(elementCount(shape))).toBe(true);
      expect(batch_axis === null || batch_axis < shape.length).toBe(true);
    }
  });

  test("the joint graphs' parameter gradients have that role", () => {
    const joint = FILES.filter((name) => name.includes("joint"));
    expect(joint.length).toBeGreaterThan(4);
    for (const name of joint) {
      const { graph } = read(join(FOLDER, name));
      const wrong = graph?.outputs.filter(
        (output) => output.endsWith("_grad") && graph.tensors.get(output)?.role !== "gradient",
      );
      expect([name, wrong]).toEqual([name, []]);
    }
  });
});

interface Counts {
  readonly nodes: number;
  readonly init: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly functions: number;
  readonly ops: Readonly<Record<string, number>>;
}

function opCounts(ops: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const op of ops) counts[op] = (counts[op] ?? 0) + 1;
  return counts;
}

/** Operators of nodes and of the subgraphs in them. */
function opsOf(nodes: readonly SourceNode[]): readonly string[] {
  return nodes.flatMap((node) => [
    node.op,
    ...Object.values(node.subgraphs).flatMap((graph) => opsOf(graph.nodes)),
  ]);
}

describe.skipIf(FILES.length === 0)("against other readers", () => {
  const expectedPath = join(FOLDER, "expected.json");
  const expected: Record<string, Counts> = existsSync(expectedPath)
    ? JSON.parse(readFileSync(expectedPath, "utf8"))
    : {};

  test.each(FILES)("%s", (name) => {
    const path = join(FOLDER, name);
    const { graph, functions } = decodeModel(stripPayloads(path).bytes, path);
    const other = onnxProto.onnx.ModelProto.decode(readFileSync(path)).graph;
    expect(graph.nodes.map((node) => [node.name, node.inputs, node.outputs])).toEqual(
      (other?.node ?? []).map((node) => [node.name ?? "", node.input, node.output]),
    );
    expect([...graph.inputs.keys()]).toEqual((other?.input ?? []).map((input) => input.name));
    const counts = expected[name];
    expect(counts).toBeDefined();
    if (counts === undefined) return;
    expect({
      nodes: graph.nodes.length,
      init: graph.initializers.size,
      inputs: graph.inputs.size,
      outputs: graph.outputs.size,
      functions: functions.size,
    }).toEqual({
      nodes: counts.nodes,
      init: counts.init,
      inputs: counts.inputs,
      outputs: counts.outputs,
      functions: counts.functions,
    });
    expect(opCounts(opsOf(graph.nodes))).toEqual(counts.ops);
  });
});

describe.skipIf(FILES.length === 0)("damaged files end in a diagnostic or a graph", () => {
  const file = temporaryFile();
  const small = FILES.map((name) => readFileSync(join(FOLDER, name))).filter(
    (bytes) => bytes.length < 80_000,
  );

  function survives(bytes: Uint8Array): void {
    const reading = read(file(bytes), BIND);
    expect(reading.graph !== null || reading.errors.length > 0).toBe(true);
    if (reading.graph !== null) expectSaneWork(reading.graph);
  }

  test("flipped bytes", () => {
    const flip = fc.tuple(
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.integer({ min: 1, max: 255 }),
    );
    const which = fc.integer({ min: 0, max: small.length - 1 });
    fc.assert(
      fc.property(which, fc.array(flip, { minLength: 1, maxLength: 4 }), (index, flips) => {
        const bytes = Uint8Array.from(small[index] ?? []);
        for (const [place, bits] of flips) {
          const at = Math.floor(place * bytes.length);
          bytes[at] = (bytes[at] ?? 0) ^ bits;
        }
        survives(bytes);
      }),
      { seed: 7, numRuns: 600 },
    );
  });

  test("cut anywhere", () => {
    const which = fc.integer({ min: 0, max: small.length - 1 });
    fc.assert(
      fc.property(which, fc.double({ min: 0, max: 1, noNaN: true }), (index, part) => {
        const bytes = small[index] ?? new Uint8Array();
        survives(bytes.subarray(0, Math.floor(part * bytes.length)));
      }),
      { seed: 8, numRuns: 200 },
    );
  });
});
