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
} from "../../../test/support/onnx-model.js";

const file = temporaryFile();
const x = value("x", ["batch", 4]);

function readGraph(graph: Fields): Reading {
  return read(file(modelBytes({ name: "g", ...graph })), { batch: 2 });
}

function shapeIn(reading: Reading, name: string): readonly number[] | undefined {
  return reading.graph?.tensors.get(name)?.shape;
}

const flag = (name: string, on: number) => ({ name, dims: [], dataType: 9, int32Data: [on] });

describe("Loop", () => {
  const body = {
    g: {
      input: [value("i", [], 7), value("go", [], 9), value("h", [])],
      node: [
        node("MatMul", ["h", "w"], ["next"]),
        node("Identity", ["go"], ["goes"]),
        node("Relu", ["next"], ["row"]),
      ],
      output: [{ name: "goes" }, { name: "next" }, { name: "row" }],
    },
  };
  const loop = node("Loop", ["most", "on", "x"], ["last", "rows"], { body }, { name: "loop" });
  const graph = (most: Fields, on = 1) => ({
    input: [x],
    initializer: [{ name: "w", dims: [4, 4], dataType: 1 }, most, flag("on", on)],
    node: [loop, node("Relu", ["last"], ["y"])],
    output: [{ name: "y" }],
  });

  test("of a known number of turns is its body, as often", () => {
    const reading = readGraph(graph({ name: "most", ...int64s([3], []) }));
    expect(reading.errors).toEqual([]);
    expect(reading.graph?.nodes.filter(({ op }) => op === "MatMul")).toHaveLength(3);
    expect(shapeIn(reading, "y")).toEqual([2, 4]);
    expect(shapeIn(reading, "rows")).toEqual([3, 2, 4]);
    const outputs = reading.graph?.nodes.flatMap(({ outputs }) => outputs);
    expect(new Set(outputs).size).toBe(outputs?.length);
  });

  test("of an unknown number of turns is refused", () => {
    const { node: nodes, initializer } = graph(value("most", [], 7));
    const reading = readGraph({
      input: [x, value("most", [], 7)],
      initializer: initializer.slice(0, 1).concat(initializer.slice(2)),
      node: nodes,
    });
    expect(reading.errors.map(({ code, where }) => [code, where])).toEqual([["KRS1104", "loop"]]);
  });

  test("that never ends is refused", () => {
    const endless = node("Loop", ["", "on", "x"], ["last", "rows"], { body });
    const { initializer } = graph({ name: "most", ...int64s([1], []) });
    const reading = readGraph({ input: [x], initializer, node: [endless] });
    expect(reading.errors.map(({ code }) => code)).toEqual(["KRS1104"]);
  });
});

test("Scan reads its inputs slice by slice and stacks what it makes", () => {
  const body = {
    g: {
      input: [value("h", [2]), value("part", [2])],
      node: [node("Add", ["h", "part"], ["next"]), node("Relu", ["next"], ["row"])],
      output: [{ name: "next" }, { name: "row" }],
    },
  };
  const attributes = { body, num_scan_inputs: 1, scan_input_axes: [1], scan_output_axes: [1] };
  const start = { name: "start", dims: [2], dataType: 1 };
  const nodes = [node("Scan", ["start", "x"], ["last", "rows"], attributes)];
  const reading = readGraph({ input: [x], initializer: [start], node: nodes });
  expect(reading.errors).toEqual([]);
  expect(reading.graph?.nodes.filter(({ op }) => op === "Add")).toHaveLength(4);
  expect(shapeIn(reading, "last")).toEqual([2]);
  expect(shapeIn(reading, "rows")).toEqual([2, 4]);
});

describe("repeat_interleave as torch.onnx writes it", () => {
  const heads = value("heads", ["batch", 3, 5, 4]);
  const constant = (name: string, values: readonly number[]) =>
    node("Constant", [], [name], { value: { t: int64s(values) } });
  const body = {
    g: {
      input: [value("i", [], 7), value("go", [], 9), value("list", [])],
      node: [
        node("SequenceAt", ["/split_output_0", "i"], ["part"]),
        constant("axis", [2]),
        node("Unsqueeze", ["part", "axis"], ["raised"]),
        constant("sizes", [1, 1, 6, 1, 1]),
        node("Expand", ["raised", "sizes"], ["wide"]),
        constant("target", [0, -1, 0, 4]),
        node("Reshape", ["wide", "target"], ["repeated"]),
        node("SequenceInsert", ["list", "repeated"], ["longer"]),
        node("Identity", ["go"], ["goes"]),
      ],
      output: [{ name: "goes" }, { name: "longer" }],
    },
  };

  test("in a loop whose reads were not renamed with the graph", () => {
    const reading = readGraph({
      input: [heads],
      initializer: [{ name: "most", ...int64s([3], []) }, flag("on", 1)],
      node: [
        constant("one", [1, 1, 1]),
        node("SplitToSequence", ["heads", "one"], ["t0"], { axis: 1 }, { name: "/split" }),
        node("SequenceEmpty", [], ["empty"]),
        node("Loop", ["most", "on", "empty"], ["all"], { body }),
        node("ConcatFromSequence", ["all"], ["y"], { axis: 1 }),
      ],
    });
    expect(reading.errors).toEqual([]);
    expect(reading.warnings.map(({ code }) => code)).toEqual(["KRS1109", "KRS1308"]);
    expect(shapeIn(reading, "y")).toEqual([2, 18, 5, 4]);
  });

  test("an axis that is none of the rank that the file states says nothing", () => {
    const axes = [4, 0.5, 2 ** 63].map((axis) => {
      const reading = readGraph({
        input: [value("x", [2, 3, 4])],
        initializer: [{ name: "axis", dims: [1], dataType: 11, doubleData: [axis] }],
        node: [node("Unsqueeze", ["x", "axis"], ["y"])],
        valueInfo: [value("y", [2, 3, 1, 4])],
      });
      return reading.errors.map(({ code }) => code);
    });
    expect(axes).toEqual([[], [], []]);
  });
});
