import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { work } from "../../../test/support/operators.js";
import { operatorFor } from "./index.js";
import { workOf } from "./knowledge.js";
import type { Operator } from "./operator.js";

const SUPPORT = ["axes", "call", "index", "knowledge", "launch", "lowered", "operator"];

async function families(): Promise<readonly Operator[]> {
  const files = readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .map((file) => file.slice(0, -3))
    .filter((file) => !SUPPORT.includes(file));
  const modules = await Promise.all(
    files.map((file) => import(pathToFileURL(join(import.meta.dirname, `${file}.ts`)).href)),
  );
  return modules.flatMap((module) => Object.values(module).filter(Array.isArray).flat());
}

test("every operator has one entry, and every family is registered", async () => {
  const ops = (await families()).flatMap((operator) => operator.ops);
  expect(ops.length).toBeGreaterThan(150);
  expect(ops.filter((op, index) => ops.indexOf(op) !== index)).toEqual([]);
  expect(ops.filter((op) => operatorFor(op) === undefined)).toEqual([]);
});

test("runtime operators are found with and without their domain, others are not", () => {
  expect(operatorFor("GeluGrad")).toBe(operatorFor("com.microsoft::GeluGrad"));
  expect(operatorFor("com.microsoft::LayerNormalization")).toBe(operatorFor("LayerNormalization"));
  expect(operatorFor("com.microsoft::Gelu")?.ops).toContain("com.microsoft::Gelu");
  expect(operatorFor("mine::Relu")).toBeUndefined();
});

test("what is constant launches nothing, and impossible operands count as a copy", () => {
  const node = { name: "n", op: "Cos", attributes: {}, inputs: [], outputs: [] };
  const constant = { dtype: "float32", shape: [64], role: "constant" } as const;
  const operator = operatorFor("Cos");
  expect(operator?.work({ ...node, outputs: [constant] })).toEqual({ kind: "free" });
  const activation = { ...constant, role: "activation" } as const;
  expect(operator?.work({ ...node, outputs: [activation] }).kind).toBe("pointwise");
  expect(
    work(
      "Gemm",
      [
        [2, 3],
        [4, 5],
      ],
      [[2, 5]],
    ).kind,
  ).toBe("pointwise");
});

test("the gradient of attention on impossible operands counts as a copy, like its forward", () => {
  const operand = { dtype: "float32", shape: [4], role: "activation" } as const;
  const attributes = { forward: "com.microsoft::MultiHeadAttention", num_heads: 2 };
  const node = { name: "n", op: "kareus::AttentionGradient", attributes };
  const inputs = [operand, operand, operand, operand, operand];
  expect(workOf({ ...node, inputs, outputs: [operand] }).kind).toBe("pointwise");
});
