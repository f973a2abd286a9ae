import { expect, test } from "vitest";
import {
  type Fields,
  modelBytes,
  node,
  read,
  temporaryFile,
  value,
} from "../../../test/support/onnx-model.js";
import { roleReader } from "../../../test/support/roles.js";

const file = temporaryFile();
const roles = roleReader();

test("what each sample's recurrence begins with and float masks are no parameters", () => {
  const float = (name: string, dims: readonly number[], more: Fields = {}) => ({
    ...{ name, dims, dataType: 1, ...more },
  });
  const hides = Array.from({ length: 16 }, (_, i) => (i % 4 > i / 4 ? -1e9 : 0));
  const graph = {
    input: [value("x", [8, 4, 4]), value("ids", [8, 4], 7)],
    initializer: [
      { name: "four", dims: [1], dataType: 7, int64Data: [4] },
      float("zeros", [8, 1, 4], { floatData: Array.from({ length: 32 }, () => 0) }),
      float("folded", [8, 1, 4], { floatData: Array.from({ length: 32 }, (_, i) => i % 4) }),
      float("elsewhere", [8, 1, 4]),
      float("token", [1, 1, 4]),
      float("mask", [4, 4], { floatData: hides }),
      float("ones", [8, 4, 4]),
      float("angles", [4, 4], { floatData: Array.from({ length: 16 }, (_, i) => i) }),
      float("no_yes", [2], { floatData: [0, 1] }),
      float("square", [4, 4], { floatData: Array.from({ length: 16 }, () => 0) }),
    ],
    node: [
      node("Concat", ["zeros", "x"], ["states"], { axis: 1 }),
      node("Concat", ["folded", "elsewhere", "x"], ["tokens"], { axis: 1 }),
      node("Add", ["x", "token"], ["placed"]),
      node("Add", ["placed", "mask"], ["added"]),
      node("Cast", ["ones"], ["shown"], { to: 9 }),
      node("Sin", ["angles"], ["waves"]),
      node("Where", ["shown", "added", "x"], ["masked"]),
      node("OneHot", ["ids", "four", "no_yes"], ["hot"]),
      node("MatMul", ["masked", "square"], ["y"]),
    ],
    output: [value("y", [8, 4, 4]), value("states", [8, 5, 4]), value("tokens", [8, 6, 4])],
  };
  const names = ["zeros", "states", "token", "mask", "ones", "shown", "square", "angles", "no_yes"];
  expect(roles(graph, names)).toEqual([
    ...["constant", "activation@0", "parameter", "constant"],
    ...["constant", "constant", "parameter", "constant", "constant"],
  ]);
  // Learned tokens that an exporter repeated for a fixed batch look like states: that is said.
  expect(roles(graph, ["folded", "elsewhere"])).toEqual(["constant", "constant"]);
  const { warnings } = read(file(modelBytes(graph)));
  expect(warnings.map(({ code, where }) => [code, where])).toEqual([["KRS1310", "folded"]]);
});
