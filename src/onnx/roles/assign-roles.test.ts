import { expect, test } from "vitest";
import { node, value } from "../../../test/support/onnx-model.js";
import { embedding, ids, roleReader, shape, table } from "../../../test/support/roles.js";

const roles = roleReader();

test("contractions over the batch are gradients, a loss is not", () => {
  const nodes = [
    embedding,
    shape("a", [128, 32]),
    node("Reshape", ["h", "a"], ["flat"]),
    node("MatMul", ["flat", "w"], ["y"]),
    node("ReduceSum", ["y"], ["loss"], { keepdims: 0 }),
    node("Gemm", ["flat", "y"], ["dw"], { transA: 1 }),
    node("Neg", ["dw"], ["step"]),
  ];
  const input = [ids, table, value("w", [32, 32])];
  const names = ["dw", "loss", "step"];
  const joint = { input, node: nodes, output: [value("loss", []), value("step", [32, 32])] };
  expect(roles(joint, names)).toEqual(["gradient", "activation", "gradient"]);
  // Made of the same, but the loss is made of it.
  const sum = node("ReduceSum", ["step"], ["total"], { keepdims: 0 });
  const forward = { input, node: [...nodes, sum], output: [value("total", [])] };
  expect(roles(forward, names)).toEqual(["activation", "activation", "activation"]);
});

test("a sum over samples that leaves a forward graph is no gradient of its own loss", () => {
  const nodes = [
    embedding,
    shape("a", [128, 32]),
    node("Reshape", ["h", "a"], ["flat"]),
    node("Gemm", ["flat", "flat"], ["gram"], { transA: 1 }),
    node("MatMul", ["flat", "w"], ["y"]),
    node("Mul", ["y", "labels"], ["wrong"]),
    node("ReduceSum", ["wrong"], ["loss"], { keepdims: 0 }),
  ];
  const labels = value("labels", ["tokens", 32]);
  const input = [ids, labels, table, value("w", [32, 32])];
  const output = [value("loss", []), value("gram", [32, 32])];
  const bind = { tokens: 128 };
  expect(roles({ input, node: nodes, output }, ["gram", "loss"], bind)).toEqual([
    "activation",
    "activation",
  ]);
});
