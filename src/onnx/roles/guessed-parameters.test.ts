import { expect, test } from "vitest";
import {
  type Fields,
  modelBytes,
  node,
  read,
  temporaryFile,
  value,
} from "../../../test/support/onnx-model.js";

const file = temporaryFile();

test("what is taken for a parameter by its place alone is said, and not where data is named", () => {
  const product = (first: string | number) => ({
    input: [value("a", [first, 4]), value("b", [4, 4])],
    node: [node("MatMul", ["a", "b"], ["y"])],
    output: [value("y", [first, 4])],
  });
  const said = (graph: Fields, bind = {}) =>
    read(file(modelBytes(graph)), bind).warnings.map(({ code, where }) => [code, where]);
  expect(said(product(8))).toEqual([["KRS1309", "b"]]);
  expect(said(product("batch"), { batch: 8 })).toEqual([]);
  const stored = { ...product(8), initializer: [{ name: "b", dims: [4, 4], dataType: 1 }] };
  expect(said(stored)).toEqual([]);
});
