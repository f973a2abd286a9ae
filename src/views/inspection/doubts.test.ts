import { expect, it } from "vitest";
import { memory } from "../../../test/support/kernel-graph.js";
import { tensorGraph } from "../../../test/support/tensor-graph.js";
import type { Diagnostic } from "../../base/diagnostics/diagnostic.js";
import { checkRecognised, doubtsOf } from "./doubts.js";

const kernelsOf = (names: readonly string[]) => ({
  ...{ level: "kernel" as const, name: "g", sha256: "", layers: 0, stages: 1, chunks: 1 },
  ...{ updates_parameters: false, parameters: [] },
  kernels: names.map((name) => memory(name, 8)),
});
const costOf = () => ({ time_s: 0.5, energy_j: 1, source: "modelled" as const });

const standsFor = (name: string) => [name];

it("doubts softmaxes of scores, not those of a router", () => {
  const graph = tensorGraph({
    data: { x: [2, 8, 4] },
    parameters: { w: [4, 8] },
    activations: {
      ...{ q: [2, 8, 4], k: [2, 4, 8], s: [2, 8, 8], scaled: [2, 8, 8], p: [2, 8, 8] },
      ...{ r: [2, 8, 8], routed: [2, 8, 8] },
    },
    nodes: [
      ["q", "Relu", ["x"]],
      ["k", "Transpose", ["x"], { perm: [0, 2, 1] }],
      ["s", "MatMul", ["q", "k"]],
      ["scaled", "Mul", ["s", "s"]],
      ["p", "Softmax", ["scaled"]],
      ["r", "MatMul", ["x", "w"]],
      ["routed", "Softmax", ["r"]],
    ],
  });
  const kernels = kernelsOf(["p", "routed"]);
  expect(doubtsOf({ imported: graph, recognised: graph, standsFor, kernels, costOf })).toEqual([
    { what: "attention left unfused", count: 1, time_s: 0.5 },
  ]);
});

it.each(["Sin", "Relu"])("doubts parts that are turned by a cosine and a %s", (other) => {
  const half = [2, 8, 4];
  const graph = tensorGraph({
    data: { x: [2, 8, 16], angle: half },
    activations: {
      ...{ c: half, s: half, a: half, b: half, rest: [2, 8, 8] },
      ...{ ac: half, bs: half, low: half, as: half, bc: half, high: half, y: [2, 8, 16] },
    },
    nodes: [
      ["c", "Cos", ["angle"]],
      ["s", other, ["angle"]],
      ["a", "Slice", ["x"]],
      ["b", "Slice", ["x"]],
      ["rest", "Slice", ["x"]],
      ["ac", "Mul", ["a", "c"]],
      ["bs", "Mul", ["b", "s"]],
      ["low", "Sub", ["ac", "bs"]],
      ["as", "Mul", ["a", "s"]],
      ["bc", "Mul", ["b", "c"]],
      ["high", "Add", ["as", "bc"]],
      ["y", "Concat", ["low", "high", "rest"]],
    ],
  });
  const kernels = kernelsOf(["ac", "low", "high", "y"]);
  const found = doubtsOf({ imported: graph, recognised: graph, standsFor, kernels, costOf });
  const doubt = { what: "rotary embedding left unfused", count: 3, time_s: 1.5 };
  expect(found).toEqual(other === "Sin" ? [doubt] : []);
});

it("warns of guesses above 2% of the time, and of none below", () => {
  const heard: Diagnostic[] = [];
  const kernels = kernelsOf(Array.from({ length: 100 }, (_, k) => `n${k}`));
  const check = (time_s: number) =>
    checkRecognised(
      [
        { what: "unknown operator my::Odd", count: 1, time_s: time_s / 3 },
        { what: "attention left unfused", count: 1, time_s: (time_s * 2) / 3 },
      ],
      kernels,
      () => 0.5,
      (diagnostic) => heard.push(diagnostic),
    );
  check(0.99);
  expect(heard).toEqual([]);
  check(1.5);
  expect(heard.map(({ code, message }) => [code, message])).toEqual([
    [
      "KRS1418",
      "3% of a microbatch's time is costed by a guess: attention left unfused, unknown operator my::Odd",
    ],
  ]);
});
