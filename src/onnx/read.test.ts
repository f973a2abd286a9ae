import { describe, expect, test } from "vitest";
import {
  type Fields,
  int64s,
  modelBytes,
  node,
  type Reading,
  read,
  temporaryFile,
  value,
} from "../../test/support/onnx-model.js";
import { tensorOf } from "../ir/tensor-graph.js";

const file = temporaryFile();

function readGraph(graph: Fields, bind: Record<string, number> = {}, model: Fields = {}): Reading {
  return read(file(modelBytes({ name: "g", ...graph }, model)), bind);
}

function codesOf(reading: Reading): readonly string[] {
  return [...reading.errors, ...reading.warnings].map((diagnostic) => diagnostic.code);
}

function shapeIn(reading: Reading, name: string): readonly number[] | undefined {
  return reading.graph?.tensors.get(name)?.shape;
}

const x = value("x", ["batch", 4]);
const w = { name: "w", dims: [4, 8], dataType: 1 };
const relu = node("Relu", ["x"], ["y"]);

describe("a small graph", () => {
  const graph = {
    input: [x],
    initializer: [w],
    node: [node("MatMul", ["x", "w"], ["h"], {}, { name: "fc" }), node("Relu", ["h"], ["y"])],
    output: [{ name: "y" }],
  };

  test("has names, shapes, roles and a batch axis", () => {
    const { graph: read_, warnings } = readGraph(graph, { batch: 3 });
    expect(warnings).toEqual([]);
    // Named by its file, which the helper numbers; exporters call every graph the same.
    expect(read_?.name).toMatch(/^\d+$/);
    expect(read_?.outputs).toEqual(["y"]);
    expect(read_?.nodes.map((n) => [n.name, n.op, n.covers])).toEqual([
      ["fc", "MatMul", ["fc"]],
      ["y", "Relu", ["y"]],
    ]);
    expect(read_ && tensorOf(read_, "y")).toEqual({
      ...{ name: "y", dtype: "float32", shape: [3, 8], role: "activation", batch_axis: 0 },
    });
    expect(read_?.tensors.get("w")?.role).toBe("parameter");
    expect(read_?.tensors.get("x")?.role).toBe("data");
  });

  test("node names are unique", () => {
    const nodes = ["a", "b", "c"].map((output) => node("Relu", ["x"], [output], {}, { name: "n" }));
    const { graph: read_ } = readGraph({ input: [x], node: nodes }, { batch: 2 });
    expect(read_?.nodes.map((n) => n.name)).toEqual(["n", "n#2", "n#3"]);
  });

  test("ai.onnx is the standard domain; runtime operators are found in it", () => {
    const norm = node("SimplifiedLayerNormalization", ["x", "s"], ["y"], {}, { domain: "ai.onnx" });
    const scale = { name: "s", dims: [4], dataType: 1 };
    const reading = readGraph({ input: [x], initializer: [scale], node: [norm] }, { batch: 2 });
    expect(reading.warnings).toEqual([]);
    expect(reading.graph?.nodes[0]?.op).toBe("SimplifiedLayerNormalization");
    expect(shapeIn(reading, "y")).toEqual([2, 4]);
  });
});

describe("order", () => {
  test("nodes are sorted where the file does not", () => {
    const nodes = [node("Relu", ["h"], ["y"]), node("Neg", ["x"], ["h"])];
    const { graph } = readGraph({ input: [x], node: nodes }, { batch: 2 });
    expect(graph?.nodes.map((n) => n.op)).toEqual(["Neg", "Relu"]);
  });

  test("a cycle names one of its nodes", () => {
    const nodes = [node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"])];
    const { errors } = readGraph({ input: [x], node: nodes }, { batch: 2 });
    expect(errors.map((e) => e.code)).toEqual(["KRS1101"]);
    expect(["a", "b"]).toContain(errors[0]?.where);
    const itself = readGraph({ input: [x], node: [node("Add", ["x", "a"], ["a"])] }, { batch: 2 });
    expect(codesOf(itself)).toEqual(["KRS1101"]);
  });

  test("a repeated definition warns once and the first stays", () => {
    const nodes = [
      node("Relu", ["x"], ["y"]),
      node("Neg", ["x"], ["y"]),
      node("Abs", ["x"], ["y"]),
    ];
    const { graph, warnings } = readGraph({ input: [x], node: nodes }, { batch: 2 });
    expect(graph?.nodes.map((n) => n.op)).toEqual(["Relu"]);
    expect(warnings.map((d) => d.code)).toEqual(["KRS1103"]);
  });

  test("a node that makes one tensor twice makes it once, whatever reads it", () => {
    const nodes = [node("Split", ["x"], ["y", "y"]), node("Relu", ["y"], ["z"])];
    const { graph, warnings } = readGraph({ input: [x], node: nodes }, { batch: 2 });
    expect(graph?.nodes.map(({ outputs }) => outputs)).toEqual([["y", ""], ["z"]]);
    expect(warnings.map((d) => d.code)).toEqual(["KRS1103"]);
  });

  test("a missing initializer names reader and tensor", () => {
    const { errors } = readGraph({ input: [x], node: [node("MatMul", ["x", "w"], ["y"])] });
    expect(errors.map((e) => [e.code, e.where])).toEqual([["KRS1102", "y"]]);
    expect(errors[0]?.message).toContain('"w"');
  });
});

describe("dimensions", () => {
  test("one error lists every missing flag", () => {
    const inputs = [value("x", ["batch", "sequence", null]), value("unread", ["other"])];
    const { errors } = readGraph({ input: inputs, node: [relu] });
    expect(errors.map((e) => e.code)).toEqual(["KRS1201"]);
    expect(errors[0]?.hint).toBe("add --bind batch=N --bind sequence=N --bind x.2=N");
  });

  test("unnamed axes and arithmetic of symbols can be bound", () => {
    const input = [value("x", ["a*b", "a + 1", null])];
    const reading = readGraph({ input, node: [relu] }, { a: 2, b: 5, "x.2": 7 });
    expect(shapeIn(reading, "y")).toEqual([10, 3, 7]);
    expect(readGraph({ input, node: [relu] }, { "a*b": 4, a: 2, "x.2": 7 }).graph).not.toBeNull();
    expect(readGraph({ input, node: [relu] }).errors[0]?.hint).toContain("--bind a=N --bind b=N");
  });

  test("unused names are warnings", () => {
    const reading = readGraph({ input: [x], node: [relu] }, { batch: 2, batsh: 3 });
    expect(reading.warnings.map((d) => [d.code, d.where])).toEqual([["KRS1202", "--bind batsh"]]);
  });

  test("knows which names it has, and which counts samples", () => {
    const { graph } = readGraph({ input: [x], node: [relu] }, { batch: 2, batsh: 3 });
    expect(graph?.told?.bind).toEqual(new Map([["batch", 2]]));
    expect(graph?.batch_symbol).toBe("batch");
    const fixed = readGraph({ input: [value("x", [2, 3])], node: [relu] }, { batch: 2 });
    expect([fixed.graph?.told?.bind?.size, fixed.graph?.batch_symbol]).toEqual([0, null]);
  });

  test.each([-1, 2 ** 41, 1.5])("%d is no size", (batch) => {
    expect(codesOf(readGraph({ input: [x], node: [relu] }, { batch }))).toEqual(["KRS1203"]);
  });

  test("tensors of more than 2^48 elements are refused, initializers too", () => {
    const input = [value("x", [2 ** 30, 2 ** 30])];
    expect(codesOf(readGraph({ input, node: [relu] }))).toEqual(["KRS1203"]);
    const initializer = [{ name: "x", dims: [-4], dataType: 1 }];
    expect(codesOf(readGraph({ initializer, node: [relu] }))).toEqual(["KRS1203"]);
  });

  test("an input without a shape", () => {
    const input = [{ name: "x", type: { tensorType: { elemType: 1 } } }];
    expect(codesOf(readGraph({ input, node: [relu] }))).toEqual(["KRS1204"]);
  });

  test("a stated shape does not make an order of axes that is none one", () => {
    const turned = node("Transpose", ["x"], ["y"], { perm: [-(2 ** 31), 0] });
    const reading = readGraph(
      { input: [x], node: [turned], output: [value("y", [4, 2])] },
      { batch: 2 },
    );
    expect(reading.errors.map(({ code }) => code)).toEqual(["KRS1302"]);
  });

  test("a stated shape that differs is one warning", () => {
    const stated = { input: [x], node: [relu], output: [value("y", ["batch", 5])] };
    const reading = readGraph(stated, { batch: 2 });
    expect(reading.warnings.map((d) => d.code)).toEqual(["KRS1303"]);
    expect(reading.warnings[0]?.message).toContain("[2,4]");
    expect(reading.warnings[0]?.message).toContain("[2,5]");
  });
});

describe("operators", () => {
  const odd = node("Odd", ["x"], ["y"], {}, { domain: "my.domain" });

  test("an unknown one is one warning, shaped like its largest input", () => {
    const again = node("Odd", ["y"], ["z"], {}, { domain: "my.domain" });
    const reading = readGraph({ input: [x], node: [odd, again] }, { batch: 2 });
    expect(reading.warnings.map((d) => d.code)).toEqual(["KRS1301"]);
    expect(shapeIn(reading, "z")).toEqual([2, 4]);
    expect(reading.graph?.nodes[0]?.op).toBe("my.domain::Odd");
  });

  test("an unknown one takes the shape that the file states", () => {
    const graph = { input: [x], node: [odd], valueInfo: [value("y", ["batch", 9])] };
    expect(shapeIn(readGraph(graph, { batch: 2 }), "y")).toEqual([2, 9]);
  });

  test("a shape that depends on data names node and input", () => {
    const shape = value("s", [2], 7);
    const nodes = [node("Reshape", ["x", "s"], ["y"], {}, { name: "view" })];
    const { errors } = readGraph({ input: [x, shape], node: nodes }, { batch: 2 });
    expect(errors.map((e) => [e.code, e.where])).toEqual([["KRS1302", "view"]]);
    expect(errors[0]?.message).toContain('"s"');
    expect(errors[0]?.hint).toContain("--bind");
  });

  test("loops are refused", () => {
    expect(
      codesOf(readGraph({ input: [x], node: [node("Loop", ["x"], ["y"])] }, { batch: 2 })),
    ).toEqual(["KRS1104"]);
  });

  test("an empty graph is refused", () => {
    expect(codesOf(readGraph({ input: [x] }))).toEqual(["KRS1005"]);
    expect(codesOf(read(file(modelBytes({}, { graph: null }))))).toEqual(["KRS1005"]);
  });

  test.each(["/etc/passwd", "../secret", "a/../../b", "C:\\x", "..\\x"])(
    "external data at %s is refused",
    (location) => {
      const externalData = [{ key: "location", value: location }];
      const initializer = [{ name: "x", dims: [4], dataType: 1, dataLocation: 1, externalData }];
      expect(codesOf(readGraph({ initializer, node: [relu] }))).toEqual(["KRS1006"]);
    },
  );

  test("external data beside the model is never opened", () => {
    const externalData = [{ key: "location", value: "weights/../w.bin" }];
    const initializer = [{ name: "w", dims: [4], dataType: 1, dataLocation: 1, externalData }];
    const nodes = [node("Add", ["x", "w"], ["y"])];
    expect(shapeIn(readGraph({ input: [x], initializer, node: nodes }, { batch: 2 }), "y")).toEqual(
      [2, 4],
    );
  });
});

describe("branches", () => {
  const branch = (op: string, axes: number) => ({
    g: {
      node: [
        node("Constant", [], ["axes"], { value: { t: int64s([axes]) } }),
        node(op, ["x", "axes"], ["o"]),
      ],
      output: [{ name: "o" }],
    },
  });
  const branches = { then_branch: branch("Unsqueeze", 0), else_branch: branch("Unsqueeze", 2) };
  const condition = (flag: number) => ({ name: "c", dims: [], dataType: 9, int32Data: [flag] });

  test("a known condition takes its branch, names and outer tensors included", () => {
    const nodes = [node("If", ["c"], ["y"], branches, { name: "if" }), node("Relu", ["y"], ["z"])];
    const taken = (flag: number) =>
      readGraph({ input: [x], initializer: [condition(flag)], node: nodes }, { batch: 2 });
    expect(shapeIn(taken(1), "z")).toEqual([1, 2, 4]);
    expect(shapeIn(taken(0), "z")).toEqual([2, 4, 1]);
    expect(taken(1).graph?.nodes.map((n) => n.name)).toEqual(["if/axes", "if/o", "z"]);
  });

  test("what a branch lists as its inputs are tensors of the graph around it", () => {
    const [axes] = branches.then_branch.g.node;
    const inside = [axes, node("Unsqueeze", ["h", "axes"], ["o"])];
    const listing = { g: { input: [value("h", [2, 4])], node: inside, output: [{ name: "o" }] } };
    // The file lists the If before what its branch reads.
    const nodes = [
      node("If", ["c"], ["y"], { then_branch: listing, else_branch: branches.else_branch }),
      node("Relu", ["x"], ["h"]),
    ];
    const taken = readGraph({ input: [x], initializer: [condition(1)], node: nodes }, { batch: 2 });
    expect(taken.errors).toEqual([]);
    expect(taken.graph?.nodes.map(({ op, inputs }) => [op, inputs[0]])).toContainEqual([
      "Unsqueeze",
      "h",
    ]);
    expect(shapeIn(taken, "y")).toEqual([1, 2, 4]);
  });

  test("two taken branches do not collide", () => {
    const nodes = [node("If", ["c"], ["y"], branches), node("If", ["c"], ["z"], branches)];
    const { graph } = readGraph(
      { input: [x], initializer: [condition(1)], node: nodes },
      { batch: 2 },
    );
    expect(new Set(graph?.nodes.flatMap((n) => n.outputs)).size).toBe(4);
  });

  test("an unknown condition takes the branch whose outputs have a shape", () => {
    const shaped = { g: { ...branches.else_branch.g, output: [value("o", [2, 4, 1])] } };
    const nodes = [node("If", ["c"], ["y"], { ...branches, else_branch: shaped })];
    const reading = readGraph({ input: [x, value("c", [], 9)], node: nodes }, { batch: 2 });
    expect(shapeIn(reading, "y")).toEqual([2, 4, 1]);
  });
});

describe("model-local functions", () => {
  const call = (output: string, overload: string, attributes = {}) =>
    node("Block", ["x"], [output], attributes, { domain: "mine", overload, name: output });
  const body = (axisDefault: number, overload: string) => ({
    ...{ name: "Block", domain: "mine", overload, input: ["a"], output: ["b"] },
    attributeProto: [{ name: "at", i: axisDefault, type: 2 }],
    node: [
      node("Softmax", ["a"], ["t"], { axis: { refAttrName: "at", type: 2 } }),
      node("Inner", ["t"], ["b"], {}, { domain: "mine" }),
    ],
  });
  const inner = {
    ...{ name: "Inner", domain: "mine", input: ["i"], output: ["o"] },
    node: [node("Relu", ["i"], ["o"])],
  };
  const functions = [body(1, ""), body(0, "first"), inner];

  test("are inlined with attributes, overloads, nesting and unique names", () => {
    const nodes = [call("p", ""), call("q", "first"), call("r", "first", { at: 1 })];
    const { graph, warnings } = readGraph({ input: [x], node: nodes }, { batch: 2 }, { functions });
    expect(warnings).toEqual([]);
    expect(graph?.nodes.map((n) => [n.name, n.op, n.attributes.axis ?? null])).toEqual([
      ["p/t", "Softmax", 1],
      ["p/b/o", "Relu", null],
      ["q/t", "Softmax", 0],
      ["q/b/o", "Relu", null],
      ["r/t", "Softmax", 1],
      ["r/b/o", "Relu", null],
    ]);
    expect(graph?.nodes[1]?.outputs).toEqual(["p"]);
  });

  test("one that calls itself is refused", () => {
    const endless = { ...inner, node: [node("Inner", ["i"], ["o"], {}, { domain: "mine" })] };
    const nodes = [node("Inner", ["x"], ["y"], {}, { domain: "mine" })];
    const reading = readGraph({ input: [x], node: nodes }, { batch: 2 }, { functions: [endless] });
    expect(codesOf(reading)).toEqual(["KRS1105"]);
  });

  test("functions that double at every level are refused, with and without work inside", () => {
    for (const leaf of [[], [node("Relu", ["i"], ["o"])]]) {
      const levels = Array.from({ length: 40 }, (_, level) => {
        const call = (from: string, to: string) =>
          node(`F${level + 1}`, [from], [to], {}, { domain: "mine" });
        return { ...inner, name: `F${level}`, node: [call("i", "t"), call("t", "o")] };
      });
      const bomb = [...levels, { ...inner, name: "F40", node: leaf }];
      const nodes = [node("F0", ["x"], ["y"], {}, { domain: "mine" })];
      const reading = readGraph({ input: [x], node: nodes }, { batch: 2 }, { functions: bomb });
      expect(codesOf(reading)).toEqual(["KRS1106"]);
    }
  });

  test("one that hands its input on is a copy", () => {
    const through = { ...inner, input: ["o"], node: [] };
    const nodes = [node("Inner", ["x"], ["y"], {}, { domain: "mine" })];
    const reading = readGraph({ input: [x], node: nodes }, { batch: 2 }, { functions: [through] });
    expect(shapeIn(reading, "y")).toEqual([2, 4]);
  });
});
