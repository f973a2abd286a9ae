import { describe, expect, it } from "vitest";
import {
  type Fields,
  int64s,
  modelBytes,
  node,
  read,
  temporaryFile,
  value,
} from "../../test/support/onnx-model.js";

const file = temporaryFile();
const shapeless = (name: string) => ({ name, type: { tensorType: { elemType: 1 } } });

/** Reads nodes over a float input x; integer initializers by name. */
function reading(
  nodes: readonly Fields[],
  {
    x = [4, 6],
    numbers = {},
    opset = 17,
    valueInfo = [],
    expected = {},
    weights = {},
  }: {
    readonly x?: readonly number[];
    readonly numbers?: Readonly<Record<string, readonly number[]>>;
    readonly weights?: Readonly<Record<string, readonly number[]>>;
    readonly opset?: number;
    readonly valueInfo?: readonly Fields[];
    readonly expected?: Readonly<Record<string, number>>;
  } = {},
) {
  const initializer = [
    ...Object.entries(numbers).map(([name, values]) => ({ name, ...int64s(values) })),
    ...Object.entries(weights).map(([name, dims]) => ({ name, dims, dataType: 1 })),
  ];
  const graph = { node: nodes, input: [value("x", x)], output: [shapeless("y")], initializer };
  const opsetImport = [{ domain: "", version: opset }];
  return read(file(modelBytes({ ...graph, valueInfo }, { opsetImport })), {}, expected);
}

const codes = (diagnostics: readonly { readonly code: string }[]) =>
  diagnostics.map(({ code }) => code);

describe("sizes that depend on data", () => {
  const find = [
    node("NonZero", ["x"], ["found"], {}, { name: "find" }),
    node("Cast", ["found"], ["y"], { to: 1 }),
  ];

  it("are asked for by name, and taken as told, by node or output", () => {
    const [error] = reading(find).errors;
    expect([error?.code, error?.hint]).toEqual([
      "KRS1302",
      "say how many are expected: --expect find=N",
    ]);
    for (const name of ["find", "found"]) {
      const { graph, warnings } = reading(find, { expected: { [name]: 5 } });
      expect(graph?.tensors.get("y")?.shape).toEqual([2, 5]);
      expect(codes(warnings)).toEqual(["KRS1305"]);
    }
  });

  it("may be the number of anything that counts, or a whole number itself", () => {
    const unique = [node("Unique", ["x"], ["y", "first", "back"], { axis: 1 })];
    const { graph } = reading(unique, { expected: { y: 3 } });
    const shapes = ["y", "first", "back"].map((name) => graph?.tensors.get(name)?.shape);
    expect(shapes).toEqual([[4, 3], [3], [4]]);
    const counted = [
      node("ReduceSum", ["x"], ["sum"], { keepdims: 0 }),
      node("Cast", ["sum"], ["count"], { to: 7 }),
      node("Unsqueeze", ["count", "zero"], ["dims"]),
      node("ConstantOfShape", ["dims"], ["y"]),
    ];
    const told = reading(counted, { numbers: { zero: [0] }, expected: { count: 9 } });
    expect(told.graph?.tensors.get("y")?.shape).toEqual([9]);
  });

  it("that nothing asks for are told", () => {
    const { warnings } = reading([node("Relu", ["x"], ["y"])], { expected: { nobody: 3 } });
    expect(codes(warnings)).toEqual(["KRS1306"]);
  });
});

describe("lists of tensors whose length is known", () => {
  it("vanish: parts are split, picked, put in and out, counted and joined", () => {
    const nodes = [
      node("SplitToSequence", ["x", "sizes"], ["parts"], { axis: 1 }),
      node("SequenceAt", ["parts", "last"], ["end"]),
      node("SequenceInsert", ["parts", "end"], ["more"]),
      node("SequenceErase", ["more", "first"], ["less"]),
      node("SequenceLength", ["less"], ["count"]),
      node("ConcatFromSequence", ["less"], ["y"], { axis: 1 }),
    ];
    const numbers = { sizes: [1, 2, 3], last: [-1], first: [0] };
    const { graph, errors } = reading(nodes, { numbers });
    expect(errors).toEqual([]);
    // Of 1, 2, 3 and once more 3 the first goes.
    expect(graph?.tensors.get("y")?.shape).toEqual([4, 8]);
    expect(graph?.tensors.get("end")?.shape).toEqual([4, 3]);
    expect(graph?.tensors.get("count")?.value).toBe(3);
    expect(graph?.nodes.every(({ op }) => !op.includes("Sequence"))).toBe(true);
  });

  it("of sizes that only the run knows are as long as each other, and said to be", () => {
    const nodes = [
      node("ReduceSum", ["x"], ["counts"], { axes: [0], keepdims: 0 }),
      node("Cast", ["counts"], ["sizes"], { to: 7 }),
      node("SplitToSequence", ["x", "sizes"], ["parts"], { axis: 1 }),
      node("SequenceAt", ["parts", "first"], ["a"]),
      node("SequenceAt", ["parts", "last"], ["b"]),
    ];
    const { graph, errors, warnings } = reading(nodes, { numbers: { first: [0], last: [-1] } });
    expect(errors).toEqual([]);
    expect(codes(warnings)).toEqual(["KRS1304"]);
    expect(["a", "b"].map((name) => graph?.tensors.get(name)?.shape)).toEqual([
      ...[
        [4, 1],
        [4, 1],
      ],
    ]);
  });

  it("without sizes are slices of one; stacked they get a new axis", () => {
    const nodes = [
      node("SplitToSequence", ["x"], ["rows"], { keepdims: 0 }),
      node("ConcatFromSequence", ["rows"], ["y"], { axis: 1, new_axis: 1 }),
    ];
    expect(reading(nodes).graph?.tensors.get("y")?.shape).toEqual([6, 4]);
  });
});

describe("a list of tensors that a tensor operator reads", () => {
  it.each([
    ["Relu", [node("Relu", ["parts"], ["y"])]],
    ["Conv", [node("Conv", ["x", "parts"], ["y"])]],
    ["Concat", [node("Concat", ["x", "parts"], ["y"], { axis: 0 })]],
  ])("is refused by name: %s", (_op, readers) => {
    const split = node("SplitToSequence", ["x"], ["parts"], { axis: 1 });
    const { errors } = reading([split, ...readers]);
    expect(errors.map(({ code, where }) => [code, where])).toEqual([["KRS1110", "y"]]);
    expect(errors[0]?.message).toMatch(/"parts" is a list/);
  });

  it("is read once it is joined, as the hint says", () => {
    const nodes = [
      node("SplitToSequence", ["x"], ["parts"], { axis: 1 }),
      node("ConcatFromSequence", ["parts"], ["joined"], { axis: 1 }),
      node("Relu", ["joined"], ["y"]),
    ];
    const { errors, graph } = reading(nodes);
    expect(errors).toEqual([]);
    expect(graph?.tensors.get("y")?.shape).toEqual(graph?.tensors.get("x")?.shape);
  });
});

describe("older operator sets", () => {
  it("broadcast the second operand from a stated axis on", () => {
    const add = [node("Add", ["x", "bias"], ["y"], { axis: 1, broadcast: 1 })];
    const { graph, errors } = reading(add, {
      x: [2, 3, 5, 7],
      weights: { bias: [3] },
      opset: 6,
    });
    expect(errors).toEqual([]);
    expect(graph?.tensors.get("y")?.shape).toEqual([2, 3, 5, 7]);
    const operand = graph?.nodes.at(-1)?.inputs[1] ?? "";
    expect(graph?.tensors.get(operand)).toMatchObject({ shape: [3, 1, 1], role: "parameter" });
  });

  it("join along axis 1 unless told", () => {
    const { graph } = reading([node("Concat", ["x", "x"], ["y"])], { opset: 3 });
    expect(graph?.tensors.get("y")?.shape).toEqual([4, 12]);
  });
});

describe("stated shapes against inferred ones", () => {
  const up = node("ConvTranspose", ["x", "w"], ["up"], {
    kernel_shape: [3, 3],
    pads: [1, 1, 1, 1],
    strides: [2, 2],
  });
  const options = { x: [1, 2, 4, 4], weights: { w: [2, 2, 3, 3] } };
  const shapeOf = (dims: readonly number[]) =>
    reading([up, node("Relu", ["up"], ["y"])], { ...options, valueInfo: [value("up", dims)] });

  it("a transposed convolution has the size that output_padding would give it", () => {
    expect(shapeOf([1, 2, 8, 8]).graph?.tensors.get("y")?.shape).toEqual([1, 2, 8, 8]);
    expect(shapeOf([1, 2, 9, 9]).graph?.tensors.get("y")?.shape).toEqual([1, 2, 7, 7]);
    expect(codes(shapeOf([1, 2, 9, 9]).warnings)).toEqual(["KRS1303"]);
  });

  it("hold where the inferred ones do not fit each other", () => {
    const nodes = [
      node("Slice", ["x", "zero", "three", "one"], ["part"]),
      node("Add", ["part", "x"], ["y"]),
    ];
    const numbers = { zero: [0], three: [3], one: [1] };
    expect(codes(reading(nodes, { numbers }).errors)).toEqual(["KRS1302"]);
    const stated = reading(nodes, { numbers, valueInfo: [value("part", [4, 6])] });
    expect(stated.graph?.tensors.get("y")?.shape).toEqual([4, 6]);
    const wrong = reading(nodes, { numbers, valueInfo: [value("part", [4, 5])] });
    expect(codes(wrong.errors)).toEqual(["KRS1302"]);
  });

  it("do not hold for a product of operands that are no matrices", () => {
    const nodes = [
      node("ReduceMean", ["x"], ["mean"], { keepdims: 0 }),
      node("Gemm", ["mean", "w"], ["product"]),
      node("Relu", ["product"], ["y"]),
    ];
    const options = { weights: { w: [6, 2] }, valueInfo: [value("product", [4, 2])] };
    const { errors } = reading(nodes, options);
    expect(codes(errors)).toEqual(["KRS1302"]);
    expect(errors[0]?.message).toMatch(/Gemm wants matrices/);
  });
});

describe("arithmetic on shapes", () => {
  it("joins, repeats, splits, spreads and sums tables of any rank", () => {
    const nodes = [
      node("Shape", ["x"], ["dims"]),
      node("Unsqueeze", ["dims", "zero"], ["row"]),
      node("Tile", ["row", "two"], ["rows"]),
      node("Concat", ["rows", "rows"], ["table"], { axis: 1 }),
      node("Split", ["table", "halves"], ["left", "right"], { axis: 1 }),
      node("ReduceSum", ["left", "zero"], ["sums"], { keepdims: 0 }),
      node("ConstantOfShape", ["sums"], ["y"]),
    ];
    const numbers = { zero: [0], two: [3, 1], halves: [2, 2] };
    // Three rows of [4, 6], added up.
    expect(reading(nodes, { numbers }).graph?.tensors.get("y")?.shape).toEqual([12, 18]);
  });
});

describe("operators of set 28", () => {
  it("have the shapes that the specification gives them", () => {
    const heads = { q_num_heads: 4, kv_num_heads: 2 };
    const nodes = [
      node("LinearAttention", ["x", "k", "v"], ["mixed", "state"], heads),
      node("SwiGLU", ["mixed", "mixed"], ["gated"]),
      node("Transpose", ["gated"], ["channels"], { perm: [0, 2, 1] }),
      node("CausalConvWithState", ["channels", "w"], ["y", "carry"]),
    ];
    const weights = { k: [2, 8, 16], v: [2, 8, 12], w: [24, 1, 4] };
    const { graph, errors } = reading(nodes, { x: [2, 8, 32], weights, opset: 28 });
    expect(errors).toEqual([]);
    const shapes = ["mixed", "state", "y", "carry"].map((name) => graph?.tensors.get(name)?.shape);
    expect(shapes).toEqual([
      [2, 8, 24],
      [2, 2, 8, 6],
      [2, 24, 8],
      [2, 24, 3],
    ]);
    expect(graph?.nodes.map(({ op }) => op)).toContain("Sigmoid");
  });
});
