import { describe, expect, test } from "vitest";
import { node, value } from "../../../test/support/onnx-model.js";
import { embedding, ids, roleReader, table } from "../../../test/support/roles.js";

const roles = roleReader();

test("integers and what has a first size of its own name are data, and what comes before them", () => {
  const input = [
    value("image", [8, 3]),
    ids,
    value("features", ["n", 4]),
    table,
    value("rate", []),
  ];
  const graph = {
    input,
    node: [embedding, node("Mul", ["image", "rate"], ["y"]), node("Relu", ["features"], ["z"])],
  };
  const names = ["image", "ids", "features", "table", "rate"];
  expect(roles(graph, names, { n: 8 })).toEqual([
    "data@0",
    "data@0",
    "data@0",
    "parameter",
    "constant",
  ]);
});

test("a floating input alone is the data", () => {
  const graph = {
    input: [value("x", [8, 4]), value("w", [4, 4])],
    node: [node("MatMul", ["x", "w"], ["y"])],
  };
  expect(roles(graph, ["x", "w", "y"])).toEqual(["data@0", "parameter", "activation@0"]);
});

describe("floating inputs of other sizes than the batch", () => {
  const stored = (name: string, dims: readonly number[]) => ({
    ...{ name, dims, dataType: 1, externalData: [{ key: "location", value: "w" }] },
  });
  const project = node("MatMul", ["x", "w"], ["y"]);

  test("beside stored weights they are data: a mask, a second sequence, a first state", () => {
    const graph = {
      input: [
        value("x", [8, 16, 32]),
        value("mask", [1, 1, 16]),
        value("context", [30, 24]),
        value("state", [2, 8, 32]),
      ],
      initializer: [stored("w", [32, 32]), stored("k", [24, 32]), stored("u", [32, 32])],
      node: [
        project,
        node("MatMul", ["context", "k"], ["keys"]),
        node("MatMul", ["state", "u"], ["started"]),
        node("Softmax", ["mask"], ["share"]),
      ],
      output: [value("y", [8, 16, 32]), value("keys", [30, 32])],
    };
    const names = ["mask", "context", "state", "keys", "started"];
    expect(roles(graph, names)).toEqual(["data", "data", "data", "activation", "activation"]);
  });

  test("the scale of a norm is a parameter as well", () => {
    const graph = {
      input: [value("x", [8, 32]), value("scale", [32])],
      initializer: [stored("w", [32, 32])],
      node: [project, node("LayerNormalization", ["y", "scale"], ["z"])],
      output: [value("z", [8, 32])],
    };
    expect(roles(graph, ["scale", "z"])).toEqual(["parameter", "activation@0"]);
  });

  test("what is multiplied like a weight is one: two of low rank beside a stored matrix", () => {
    const graph = {
      input: [value("x", [8, 32]), value("a", [4, 32]), value("b", [32, 4])],
      initializer: [stored("w", [32, 32]), stored("head", [32, 32])],
      node: [
        project,
        node("Transpose", ["a"], ["at"], { perm: [1, 0] }),
        node("Transpose", ["b"], ["bt"], { perm: [1, 0] }),
        node("MatMul", ["x", "at"], ["low"]),
        node("MatMul", ["low", "bt"], ["high"]),
        node("Add", ["y", "high"], ["sum"]),
        node("MatMul", ["sum", "head"], ["z"]),
      ],
      output: [value("z", [8, 32])],
    };
    expect(roles(graph, ["a", "b", "z"])).toEqual(["parameter", "parameter", "activation@0"]);
  });

  test("what comes back in its shape is neither data nor trained: a state that a written-out optimizer keeps", () => {
    const graph = {
      input: [value("x", [8, 32]), value("m", [32, 16]), value("rate", [1])],
      initializer: [stored("w", [32, 16])],
      node: [
        project,
        node("Gemm", ["x", "y"], ["dw"], { transA: 1 }),
        node("Add", ["m", "dw"], ["kept"]),
        node("Mul", ["kept", "rate"], ["step"]),
        node("Sub", ["w", "step"], ["new"]),
      ],
      output: [value("y", [8, 16]), value("new", [32, 16]), value("kept", [32, 16])],
    };
    expect(roles(graph, ["m", "rate", "dw"])).toEqual(["constant", "constant", "gradient"]);
  });

  test("without stored weights they are parameters", () => {
    const graph = {
      input: [value("x", [8, 4]), value("w", [4, 4]), value("v", [4, 6])],
      node: [project, node("MatMul", ["y", "v"], ["z"])],
      output: [value("z", [8, 6])],
    };
    expect(roles(graph, ["x", "w", "v"])).toEqual(["data@0", "parameter", "parameter"]);
  });
});
