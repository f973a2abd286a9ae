import { expect, test } from "vitest";
import { modelBytes, node, read, temporaryFile, value } from "../../../test/support/onnx-model.js";
import { embedding, ids, roleReader, table } from "../../../test/support/roles.js";

const file = temporaryFile();
const roles = roleReader();

test("accumulation buffers are gradients", () => {
  const add = node(
    "InPlaceAccumulatorV2",
    ["buffer", "h"],
    ["done"],
    {},
    { domain: "com.microsoft" },
  );
  const graph = { input: [ids, table, value("buffer", [8, 16, 32])], node: [embedding, add] };
  expect(roles(graph, ["buffer"])).toEqual(["gradient"]);
});

test("what the exporter notes of a stored tensor decides: trained whatever it holds, or a buffer", () => {
  const kinds = { bias: "PARAMETER", mask: "BUFFER", table: "BUFFER", token: "PARAMETER" };
  const key = "pkg.torch.export.graph_signature.InputSpec.kind";
  const float = (name: string, dims: readonly number[]) => ({ name, dims, dataType: 1 });
  const triangle = Array.from({ length: 16 }, (_, i) => (i % 4 > i / 4 ? -1e9 : 0));
  const graph = {
    input: [value("x", [8, 4, 4])],
    initializer: [
      { ...float("bias", [4, 4]), floatData: triangle },
      ...[float("mask", [4, 4]), float("table", [4, 4]), float("token", [8, 1, 4])],
      float("unnoted", [4, 4]),
    ],
    valueInfo: Object.entries(kinds).map(([name, kind]) => ({
      ...{
        name,
        metadataProps: [
          { key: "else", value: "BUFFER" },
          { key, value: kind },
        ],
      },
    })),
    node: [
      ...["bias", "mask", "table", "unnoted"].map((name, i) =>
        node("Add", [i === 0 ? "x" : `y${i - 1}`, name], [`y${i}`]),
      ),
      node("Concat", ["token", "y3"], ["y"], { axis: 1 }),
    ],
    output: [value("y", [8, 5, 4])],
  };
  expect(roles(graph, [...Object.keys(kinds), "unnoted"])).toEqual([
    ...["parameter", "constant", "constant", "parameter", "parameter"],
  ]);
  expect(read(file(modelBytes(graph))).graph?.tensors.get("bias")?.band).toEqual({
    ...{ behind: 3, ahead: 3 },
  });
});

test("weights that begin as the identity or a triangle are trained, the same added to scores is not", () => {
  const stored = (name: string, shows: (row: number, column: number) => boolean) => {
    const floatData = Array.from({ length: 256 }, (_, i) =>
      Number(shows(Math.floor(i / 16), i % 16)),
    );
    return { name, dims: [16, 16], dataType: 1, floatData };
  };
  const graph = {
    input: [value("x", [4, 16, 16])],
    initializer: [
      stored("identity", (row, column) => row === column),
      stored("triangle", (row, column) => column <= row),
      stored("mask", (row, column) => column <= row),
    ],
    node: [
      node("MatMul", ["x", "identity"], ["a"]),
      node("Transpose", ["triangle"], ["turned"], { perm: [1, 0] }),
      node("MatMul", ["a", "turned"], ["b"]),
      node("Add", ["b", "mask"], ["y"]),
    ],
    output: [value("y", [4, 16, 16])],
  };
  const names = ["identity", "triangle", "mask"];
  expect(roles(graph, names)).toEqual(["parameter", "parameter", "constant"]);
});
