import { expect, test } from "vitest";
import type { Kernel } from "../src/ir/kernel-graph.js";
import { flopsOf } from "../src/ir/work.js";
import { lowerFile } from "../test/support/lowering.js";
import { type Fields, modelBytes, node, temporaryFile, value } from "../test/support/onnx-model.js";

const file = temporaryFile();

/** 2 samples of 8 tokens, width 4, 2 heads; elements of what is stored are known, as they are in small files. */
const [B, T, C] = [2, 8, 4];

const stored = (name: string, ...dims: readonly number[]) => {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return { name, dims, dataType: 1, floatData: Array.from({ length: count }, (_, i) => i / 8) };
};

const sizes = (name: string, ...values: readonly number[]) => {
  return { name, dims: [values.length], dataType: 7, int64Data: values };
};

const isLinear = (kernel: Kernel) => kernel.kind === "compute" && kernel.work.op === "matmul";

async function lowered(graph: Fields) {
  const path = file(modelBytes({ input: [value("x", [B, T, C])], ...graph }));
  const { kernels, warnings } = await lowerFile(path, {});
  const computed = kernels.kernels.filter((kernel) => kernel.kind === "compute");
  const linears = (direction: string) =>
    computed
      .filter(
        (kernel) =>
          isLinear(kernel) && (kernel.direction === "forward") === (direction === "forward"),
      )
      .reduce((sum, kernel) => sum + flopsOf(kernel.work), 0);
  const parameters = computed.flatMap((kernel) => kernel.parameters);
  const counted = new Map(parameters.map(({ name, elements }) => [name, elements]));
  return {
    codes: warnings.map(({ code }) => code).filter((code) => code !== "KRS1418"),
    linears: [linears("forward"), linears("backward")],
    parameters: Object.fromEntries(counted),
  };
}

test("projections of learned relative positions are computed, forward and backward", async () => {
  const found = await lowered({
    initializer: [
      ...[stored("table", 16, C), stored("scale", C), stored("shift", C)],
      ...[stored("key", C, C), stored("query", C, C)],
    ],
    node: [
      node("LayerNormalization", ["table", "scale", "shift"], ["places"]),
      node("MatMul", ["places", "key"], ["keys"]),
      node("Transpose", ["keys"], ["turned"], { perm: [1, 0] }),
      node("MatMul", ["x", "query"], ["queries"]),
      node("MatMul", ["queries", "turned"], ["scores"]),
      node("ReduceMean", ["scores"], ["loss"], { keepdims: 0 }),
    ],
    output: [value("loss", [])],
  });
  // 2 x rows x inner x columns: places, queries, and what these two make; twice that backward, but
  // that of x, which is data.
  const [places, queries, scores] = [2 * 16 * C * C, 2 * B * T * C * C, 2 * B * T * C * 16];
  expect(found).toEqual({
    codes: [],
    linears: [places + queries + scores, 2 * places + queries + 2 * scores],
    parameters: { table: 16 * C, scale: C, shift: C, key: C * C, query: C * C },
  });
});

test("a small class token, a bias beside zeros and an exponential are trained", async () => {
  const found = await lowered({
    initializer: [
      ...[stored("token", 1, 1, C), stored("w", C, 3 * C), stored("decay", 3 * C)],
      ...[stored("of_queries", C), stored("of_values", C), stored("norm", 3 * C)],
      sizes("each", B, 1, C),
    ],
    node: [
      node("Constant", [], ["zeros"], { value: { t: stored("zeros", C) } }),
      node("Expand", ["token", "each"], ["tokens"]),
      node("Concat", ["tokens", "x"], ["rows"], { axis: 1 }),
      node("Concat", ["of_queries", "zeros", "of_values"], ["bias"], { axis: 0 }),
      node("MatMul", ["rows", "w"], ["product"]),
      node("Add", ["product", "bias"], ["projected"]),
      node("Exp", ["decay"], ["rate"]),
      node("CastLike", ["norm", "projected"], ["gain"]),
      node("Mul", ["projected", "rate"], ["slower"]),
      node("Mul", ["slower", "gain"], ["y"]),
      node("ReduceMean", ["y"], ["loss"], { keepdims: 0 }),
    ],
    output: [value("loss", [])],
  });
  const product = 2 * B * (T + 1) * C * 3 * C;
  expect(found).toEqual({
    codes: [],
    // The class token takes a gradient through the product.
    linears: [product, 2 * product],
    parameters: {
      token: C,
      w: 3 * C * C,
      decay: 3 * C,
      norm: 3 * C,
      of_queries: C,
      of_values: C,
    },
  });
});

test("weights that are rounded on the way are trained, stored whole numbers are not", async () => {
  const step = { name: "step", dims: [C], dataType: 1, floatData: [0.1, 0.2, 0.3, 0.4] };
  const whole = { name: "whole", dims: [C, C], dataType: 3, int32Data: new Array(C * C).fill(1) };
  const found = await lowered({
    initializer: [stored("first", C, C), stored("rounded", C, C), step, whole],
    node: [
      node("MatMul", ["x", "first"], ["a"]),
      node("QuantizeLinear", ["rounded", "step"], ["steps"], { axis: 1 }),
      node("DequantizeLinear", ["steps", "step"], ["weight"], { axis: 1 }),
      node("MatMul", ["a", "weight"], ["b"]),
      node("DequantizeLinear", ["whole", "step"], ["fixed"], { axis: 1 }),
      node("MatMul", ["b", "fixed"], ["y"]),
      node("ReduceMean", ["y"], ["loss"], { keepdims: 0 }),
    ],
    output: [value("loss", [])],
  });
  const product = 2 * B * T * C * C;
  expect(found).toEqual({
    codes: [],
    // Backward: the weight of the first, both of the second, the operand of the last.
    linears: [3 * product, 4 * product],
    parameters: { first: C * C, rounded: C * C },
  });
});

test("a table that is tied and joined with more columns is counted once", async () => {
  const found = await lowered({
    input: [value("ids", [B, T], 7)],
    initializer: [stored("table", 16, C), stored("more", 4, 16), stored("w", C, 2 * C)],
    node: [
      node("Gather", ["table", "ids"], ["embedded"]),
      node("MatMul", ["embedded", "w"], ["hidden"]),
      node("Transpose", ["table"], ["turned"], { perm: [1, 0] }),
      node("Concat", ["turned", "more"], ["head"], { axis: 0 }),
      node("MatMul", ["hidden", "head"], ["logits"]),
      node("ReduceMean", ["logits"], ["loss"], { keepdims: 0 }),
    ],
    output: [value("loss", [])],
  });
  expect(found.parameters).toEqual({ table: 16 * C, more: 4 * 16, w: C * 2 * C });
});
