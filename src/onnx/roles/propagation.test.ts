import { expect, test } from "vitest";
import { node, value } from "../../../test/support/onnx-model.js";
import { embedding, ids, roleReader, shape, table } from "../../../test/support/roles.js";

const roles = roleReader();

test("an update of low rank is made for every microbatch", () => {
  const stored = (name: string, dims: readonly number[]) => ({ name, dims, dataType: 1 });
  const graph = {
    input: [value("x", [4, 8])],
    initializer: [stored("w", [8, 8]), stored("a", [2, 8]), stored("b", [8, 2])],
    node: [
      node("MatMul", ["b", "a"], ["update"]),
      node("Add", ["w", "update"], ["merged"]),
      node("MatMul", ["x", "merged"], ["y"]),
    ],
  };
  expect(roles(graph, ["update", "merged", "y"])).toEqual([
    "activation",
    "activation",
    "activation@0",
  ]);
});

test("the batch survives merging with tokens and comes back", () => {
  const merge = [shape("a", [128, 32]), node("Reshape", ["h", "a"], ["flat"])];
  const back = [shape("b", [8, 16, 4, 8]), node("Reshape", ["flat", "b"], ["split"])];
  const heads = node("Transpose", ["split"], ["heads"], { perm: [2, 0, 1, 3] });
  const graph = { input: [ids, table], node: [embedding, ...merge, ...back, heads] };
  expect(roles(graph, ["flat", "split", "heads"])).toEqual([
    "activation@0",
    "activation@0",
    "activation@1",
  ]);
});

test("one sample is not mistaken for its neighbour", () => {
  const nodes = [
    node("Gather", ["table", "one"], ["h"]),
    shape("a", [16, 32]),
    node("Reshape", ["h", "a"], ["flat"]),
    shape("b", [1, 16, 32]),
    node("Reshape", ["flat", "b"], ["back"]),
    node("MatMul", ["flat", "w"], ["y"]),
  ];
  const graph = { input: [value("one", [1, 16], 7), table, value("w", [32, 32])], node: nodes };
  expect(roles(graph, ["flat", "back", "y"])).toEqual([
    "activation@0",
    "activation@0",
    "activation@0",
  ]);
});

test("what arrives from another stage carries the batch", () => {
  const recv = node("Recv", ["signal", "rank"], ["done", "x"], {}, { domain: "com.microsoft" });
  const scalar = (name: string) => ({ name, dims: [], dataType: 7, int64Data: [1] });
  const graph = {
    initializer: [scalar("signal"), scalar("rank")],
    valueInfo: [value("x", [4, 8])],
    node: [recv, node("Relu", ["x"], ["y"])],
  };
  expect(roles(graph, ["x", "y"])).toEqual(["activation@0", "activation@0"]);
});
