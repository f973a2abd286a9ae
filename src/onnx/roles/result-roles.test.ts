import { expect, test } from "vitest";
import { node, value } from "../../../test/support/onnx-model.js";
import { embedding, ids, roleReader, table } from "../../../test/support/roles.js";

const roles = roleReader();

test("a small weight whose elements are known is trained in another layout as well", () => {
  const weight = { name: "w", dims: [2, 2], dataType: 1, floatData: [1, 2, 3, 4] };
  const graph = {
    input: [value("x", [8, 2])],
    initializer: [weight],
    node: [
      node("Transpose", ["w"], ["turned"], { perm: [1, 0] }),
      node("MatMul", ["x", "turned"], ["y"]),
    ],
    output: [value("y", [8, 2])],
  };
  expect(roles(graph, ["w", "turned", "y"])).toEqual(["parameter", "parameter", "activation@0"]);
});

test("one more than a small weight whose elements are known is trained as well", () => {
  const graph = {
    input: [value("x", [8, 2])],
    initializer: [
      { name: "w", dims: [2], dataType: 1, floatData: [1, 2] },
      { name: "one", dims: [], dataType: 1, floatData: [1] },
    ],
    node: [node("Add", ["w", "one"], ["scale"]), node("Mul", ["x", "scale"], ["y"])],
    output: [value("y", [8, 2])],
  };
  expect(roles(graph, ["w", "scale", "y"])).toEqual(["parameter", "parameter", "activation@0"]);
});

test("one of the matrices that a weight holds is trained; a row of a table is looked up", () => {
  const float = (name: string, dims: readonly number[]) => ({ name, dims, dataType: 1 });
  const graph = {
    input: [value("x", [8, 16])],
    initializer: [
      { ...float("w", [4, 16, 32]), externalData: [{ key: "location", value: "w" }] },
      { ...float("types", [4, 16]), externalData: [{ key: "location", value: "w" }] },
      { name: "one", dims: [], dataType: 7, int64Data: [1] },
    ],
    node: [
      node("Gather", ["w", "one"], ["expert"], { axis: { i: 0 } }),
      node("Gather", ["types", "one"], ["kind"], { axis: { i: 0 } }),
      node("Add", ["x", "kind"], ["typed"]),
      node("MatMul", ["typed", "expert"], ["y"]),
    ],
    output: [value("y", [8, 32])],
  };
  expect(roles(graph, ["expert", "kind", "y"])).toEqual([
    "parameter",
    "activation",
    "activation@0",
  ]);
});

test("what comes from shapes is constant, what is made of parameters in their place is trained", () => {
  const graph = {
    input: [ids, table],
    node: [
      embedding,
      node("Shape", ["h"], ["s"]),
      node("Transpose", ["table"], ["t"], { perm: [1, 0] }),
      node("Mul", ["table", "table"], ["squared"]),
      node("Concat", ["table", "table"], ["joined"], { axis: 0 }),
      node("MatMul", ["table", "t"], ["gram"]),
    ],
  };
  expect(roles(graph, ["h", "s", "t", "squared", "joined", "gram"])).toEqual([
    "activation@0",
    "constant",
    "parameter",
    "parameter",
    "parameter",
    "activation",
  ]);
});
