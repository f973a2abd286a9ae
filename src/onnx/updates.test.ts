import { describe, expect, it } from "vitest";
import { kernelsOf } from "../../test/support/graphs.js";
import { modelBytes, node, read, temporaryFile, value } from "../../test/support/onnx-model.js";
import { flopsOf } from "../ir/work.js";

const file = temporaryFile();
const scalar = (name: string) => ({ name, type: { tensorType: { elemType: 1, shape: {} } } });
const INT64 = 7;
const TRAINING = { domain: "ai.onnx.preview.training" };
const RUNTIME = { domain: "com.microsoft" };

const FORWARD = [
  node("MatMul", ["x", "w1"], ["h"]),
  node("Relu", ["h"], ["r"]),
  node("MatMul", ["r", "w2"], ["scores"]),
  node("SoftmaxCrossEntropyLoss", ["scores", "labels"], ["loss"]),
];
const names = (list: readonly string[]) => ({
  strings: list.map((name) => Buffer.from(name)),
  type: 8,
});
const GRADIENT = node(
  "Gradient",
  ["w1", "w2", "x", "labels"],
  ["d1", "d2"],
  { xs: names(["w1", "w2"]), zs: names(["x", "labels"]), y: "loss" },
  TRAINING,
);
const ADAM = node(
  "Adam",
  ["rate", "step", "w1", "w2", "d1", "d2", "v1", "v2", "s1", "s2"],
  ["w1_new", "w2_new", "v1_new", "v2_new", "s1_new", "s2_new"],
  {},
  TRAINING,
);

/** Weights and states come as inputs behind the data, all of fixed sizes. */
function reading(nodes: readonly ReturnType<typeof node>[], outputs: readonly string[]) {
  const shapes: Readonly<Record<string, readonly number[]>> = {
    w1: [32, 32],
    w2: [32, 8],
    v1: [32, 32],
    v2: [32, 8],
    s1: [32, 32],
    s2: [32, 8],
  };
  return read(
    file(
      modelBytes({
        node: nodes,
        input: [
          value("x", [32, 32]),
          value("labels", [32], INT64),
          value("mask", [32, 1]),
          ...Object.entries(shapes).map(([name, dims]) => value(name, dims)),
          scalar("rate"),
          scalar("step"),
        ],
        output: outputs.map((name) => ({ name, type: { tensorType: { elemType: 1 } } })),
      }),
    ),
  );
}

const role = ({ graph }: ReturnType<typeof reading>, name: string) =>
  graph?.tensors.get(name)?.role;

describe("what runs once an iteration", () => {
  const joint = reading([...FORWARD, GRADIENT, ADAM], ["loss", "w1_new", "w2_new"]);

  it("leaves the graph: an optimizer, and a Gradient, which is derived instead", () => {
    expect(joint.errors).toEqual([]);
    expect(joint.warnings.map(({ code }) => code)).toEqual(["KRS1307"]);
    expect(joint.graph?.nodes.map(({ op }) => op)).toEqual(FORWARD.map(({ opType }) => opType));
    expect(joint.graph?.outputs).toEqual(["loss"]);
  });

  it("and the optimizer's slots say what weights and states are", () => {
    expect(["w1", "w2"].map((name) => role(joint, name))).toEqual(["parameter", "parameter"]);
    expect(["v1", "s2"].map((name) => role(joint, name))).toEqual(["constant", "constant"]);
  });

  it("gives both gradients of the second layer and the weight's of the first", () => {
    if (joint.graph === null) throw new Error("not read");
    const products = kernelsOf(joint.graph).kernels.flatMap((kernel) =>
      kernel.kind === "compute" && kernel.work.op === "matmul" ? [kernel] : [],
    );
    const total = (direction: string) =>
      products
        .filter((kernel) => kernel.direction === direction)
        .reduce((sum, { work }) => sum + flopsOf(work), 0);
    const [first, second] = [2 * 32 * 32 * 32, 2 * 32 * 32 * 8];
    expect(total("forward")).toBe(first + second);
    expect(total("backward")).toBe(first + 2 * second);
  });

  it("a Gradient trains what it names alone", () => {
    const partly = node(
      "Gradient",
      ["w2", "x", "labels", "w1"],
      ["d2"],
      { xs: names(["w2"]), zs: names(["x", "labels", "w1"]), y: "loss" },
      TRAINING,
    );
    const some = reading([...FORWARD, partly], ["loss", "d2"]);
    expect([role(some, "w1"), role(some, "w2")]).toEqual(["constant", "parameter"]);
  });

  it("norms of all gradients go with the optimizer that they are for", () => {
    const backward = [
      node("FusedMatMul", ["r", "scores"], ["d2"], { transA: 1 }, RUNTIME),
      node("ReduceAllL2", ["d2"], ["norm"], {}, RUNTIME),
      node("SGDOptimizer", ["rate", "w2", "d2", "norm"], ["w2_new"], {}, RUNTIME),
    ];
    const { graph } = reading([...FORWARD, ...backward], ["loss", "w2_new"]);
    expect(graph?.nodes.at(-1)?.outputs).toEqual(["d2"]);
    expect(graph?.outputs).toEqual(["loss", "d2"]);
  });
});

describe("float data behind the labels", () => {
  it("is data in a joint graph whose weights come as inputs and go out as gradients", () => {
    const nodes = [
      node("Mul", ["x", "mask"], ["masked"]),
      node("MatMul", ["masked", "w1"], ["h"]),
      node("MatMul", ["h", "w2"], ["scores"]),
      node("SoftmaxCrossEntropyLoss", ["scores", "labels"], ["loss", "probabilities"]),
      node("MatMul", ["probabilities", "w2t"], ["dh"]),
      node("Transpose", ["w2"], ["w2t"], { perm: [1, 0] }),
      node("FusedMatMul", ["h", "probabilities"], ["d2"], { transA: 1 }, RUNTIME),
      node("FusedMatMul", ["masked", "dh"], ["d1"], { transA: 1 }, RUNTIME),
    ];
    const joint = reading(nodes, ["loss", "d1", "d2"]);
    expect(joint.errors).toEqual([]);
    expect(["x", "labels", "mask"].map((name) => role(joint, name))).toEqual([
      "data",
      "data",
      "data",
    ]);
    expect([role(joint, "w1"), role(joint, "w2"), role(joint, "d1")]).toEqual([
      "parameter",
      "parameter",
      "gradient",
    ]);
  });
});
