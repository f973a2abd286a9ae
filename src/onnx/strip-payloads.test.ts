import { createHash } from "node:crypto";
import fc from "fast-check";
import protobuf from "protobufjs";
import { describe, expect, test } from "vitest";
import { encode, int64s, modelBytes, node, temporaryFile } from "../../test/support/onnx-model.js";
import { DiagnosticError } from "../base/diagnostics/diagnostic.js";
import { onnx } from "./proto/generated/onnx.js";
import { stripPayloads } from "./strip-payloads.js";

const file = temporaryFile();
const big = (name: string) => ({ name, dims: [5000], dataType: 2, rawData: new Uint8Array(5000) });
const small = { name: "small", dims: [4], dataType: 2, rawData: Uint8Array.of(1, 2, 3, 4) };

function strip(bytes: Uint8Array) {
  return stripPayloads(file(bytes)).bytes;
}

function code(bytes: Uint8Array): string {
  try {
    strip(bytes);
  } catch (error) {
    if (error instanceof DiagnosticError) return error.diagnostics[0]?.code ?? "";
    throw error;
  }
  return "";
}

describe("payloads", () => {
  test("large ones go, small ones and all names stay", () => {
    const bytes = modelBytes({
      node: [node("Relu", ["x"], ["y"])],
      initializer: [big("w"), small],
    });
    const stripped = strip(bytes);
    expect(stripped.length).toBeLessThan(200);
    const { graph } = onnx.ModelProto.decode(stripped);
    expect(graph?.initializer?.map((t) => [t.name, t.rawData?.length])).toEqual([
      ["w", 0],
      ["small", 4],
    ]);
    expect(graph?.node?.[0]?.opType).toBe("Relu");
  });

  test("in node attributes, subgraphs, functions and sparse tensors", () => {
    const constant = node("Constant", [], ["c"], { value: { t: big("c") } });
    const nested = node("If", ["p"], ["z"], { then_branch: { g: { node: [constant] } } });
    const graph = {
      node: [constant, nested],
      sparseInitializer: [{ values: big("s"), dims: [9] }],
    };
    const stripped = strip(modelBytes(graph, { functions: [{ name: "f", node: [constant] }] }));
    expect(stripped.length).toBeLessThan(400);
    const model = onnx.ModelProto.decode(stripped);
    const inner = model.graph?.node?.[1]?.attribute?.[0]?.g?.node?.[0];
    expect(inner?.attribute?.[0]?.t?.name).toBe("c");
    expect(model.graph?.sparseInitializer?.[0]?.values?.name).toBe("s");
    expect(model.functions[0]?.node?.[0]?.opType).toBe("Constant");
  });

  test.each([
    ["floatData", 1],
    ["int32Data", 6],
    ["int64Data", 7],
    ["doubleData", 11],
    ["uint64Data", 13],
  ])("typed ones: %s", (field, dataType) => {
    const numbers = new Array<number>(5000).fill(300);
    const initializer = [{ name: "w", dims: [5000], dataType, [field]: numbers }];
    expect(strip(modelBytes({ initializer })).length).toBeLessThan(100);
  });

  test("typed ones that were written one field per element", () => {
    const writer = protobuf.Writer.create();
    for (let i = 0; i < 3000; i += 1) writer.uint32((7 << 3) | 0).int64(i);
    const tensor = Buffer.concat([
      encode("TensorProto", { name: "w", dims: [3000] }),
      writer.finish(),
    ]);
    const graph = protobuf.Writer.create()
      .uint32((5 << 3) | 2)
      .bytes(tensor)
      .finish();
    const model = protobuf.Writer.create()
      .uint32((7 << 3) | 2)
      .bytes(graph)
      .finish();
    const stripped = strip(model);
    expect(stripped.length).toBeLessThan(40);
    expect(onnx.ModelProto.decode(stripped).graph?.initializer?.[0]?.name).toBe("w");
  });

  test("a model without large ones keeps its bytes", () => {
    const graph = { node: [node("Relu", ["x"], ["y"])], initializer: [small, int64s([1, 2])] };
    const bytes = modelBytes(graph);
    expect(Buffer.from(strip(bytes)).equals(bytes)).toBe(true);
  });

  test("the hash is that of the whole file", () => {
    const bytes = modelBytes({ initializer: [{ ...big("w"), rawData: new Uint8Array(3 << 20) }] });
    const expected = createHash("sha256").update(bytes).digest("hex");
    expect(stripPayloads(file(bytes)).sha256).toBe(expected);
  });
});

describe("damage", () => {
  const model = modelBytes({ node: [node("Relu", ["x"], ["y"])], initializer: [big("w")] });

  test("no protobuf", () => {
    expect(code(new Uint8Array())).toBe("KRS1002");
    expect(code(Buffer.from("hello, this is text"))).toBe("KRS1002");
    expect(code(Buffer.from('{"format":"kareus-plan"}'))).toBe("KRS1002");
  });

  test("truncated anywhere but between fields", () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: model.length - 1 }), (length) => {
        expect(code(model.subarray(0, length))).toBe("KRS1003");
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  test("messages that overrun their parent", () => {
    const graph = protobuf.Writer.create()
      .uint32((5 << 3) | 2)
      .uint32(9000)
      .finish();
    const long = Buffer.concat([graph, new Uint8Array(5000)]);
    const bytes = protobuf.Writer.create()
      .uint32((7 << 3) | 2)
      .bytes(long)
      .finish();
    expect(code(Buffer.concat([bytes, new Uint8Array(9000)]))).toBe("KRS1004");
  });

  test("endless nesting", () => {
    let graph: Uint8Array = new Uint8Array(5000);
    for (let depth = 0; depth < 60; depth += 1) {
      for (const field of [6, 5, 1]) {
        graph = protobuf.Writer.create()
          .uint32((field << 3) | 2)
          .bytes(graph)
          .finish();
      }
    }
    expect(
      code(
        protobuf.Writer.create()
          .uint32((7 << 3) | 2)
          .bytes(graph)
          .finish(),
      ),
    ).toBe("KRS1004");
  });

  test("unreadable", () => {
    const missing = () => stripPayloads("/nonexistent/model.onnx");
    expect(missing).toThrow(/KRS1001.*no such file/);
    expect(() => stripPayloads("/")).toThrow(/KRS1001.*folder/);
  });
});
