import { describe, expect, test } from "vitest";
import { follow, infer, ints, of, shapes, work } from "../../../test/support/operators.js";
import type { Fact } from "./operator.js";

const floats = (...value: number[]): Fact => ({ dtype: "float32", shape: [value.length], value });
const runtime = (op: string) => `com.microsoft::${op}`;

describe("images", () => {
  const x = of([2, 3, 8, 8]);

  test("resizing by sizes, by scales, and of the older sets", () => {
    const none = { ...floats(), shape: [0] };
    expect(shapes("Resize", [x, none, none, ints(2, 3, 16, 20)])[0]).toEqual([2, 3, 16, 20]);
    expect(shapes("Resize", [x, null, floats(1, 1, 2, 1.3)])[0]).toEqual([2, 3, 16, 10]);
    expect(shapes("Resize", [x, null, floats(2, 2)], { axes: [2, 3] })[0]).toEqual([2, 3, 16, 16]);
    expect(shapes("Upsample", [x, floats(1, 1, 2, 2)])[0]).toEqual([2, 3, 16, 16]);
    expect(() => infer("Resize", [x, null, of([4])])).toThrow(/depends on data/);
  });

  test("sampling, regions, unpooling, columns", () => {
    expect(shapes("GridSample", [x, of([2, 5, 6, 2])])[0]).toEqual([2, 3, 5, 6]);
    expect(shapes("AffineGrid", [of([2, 2, 3]), ints(2, 3, 5, 6)])[0]).toEqual([2, 5, 6, 2]);
    const region = { output_height: 7, output_width: 5 };
    expect(shapes("RoiAlign", [x, of([9, 4]), of([9])], region)[0]).toEqual([9, 3, 7, 5]);
    const pool = { kernel_shape: [2, 2], strides: [2, 2] };
    expect(shapes("MaxUnpool", [x, x], pool)[0]).toEqual([2, 3, 16, 16]);
    expect(shapes("Col2Im", [of([2, 12, 16]), ints(8, 8), ints(2, 2)])[0]).toEqual([2, 3, 8, 8]);
    expect(shapes("CenterCropPad", [x, ints(4, 10)], { axes: [2, 3] })[0]).toEqual([2, 3, 4, 10]);
  });
});

describe("recurrent layers", () => {
  // Length 5, batch 3, input 7, hidden 4, four gates.
  const lstm = [of([5, 3, 7]), of([2, 16, 7]), of([2, 16, 4])];

  test("every state, the last state and cell", () => {
    expect(shapes("LSTM", lstm, { hidden_size: 4 }, 3).slice(0, 3)).toEqual([
      ...[
        [5, 2, 3, 4],
        [2, 3, 4],
        [2, 3, 4],
      ],
    ]);
    const first = [of([3, 5, 7]), ...lstm.slice(1)];
    expect(shapes("LSTM", first, { layout: 1 })[0]).toEqual([3, 5, 2, 4]);
    const rows = lstm.map((fact) => fact.shape);
    expect(
      follow(
        "LSTM",
        rows,
        [
          [5, 2, 3, 4],
          [2, 3, 4],
        ],
        [0, 1],
      ),
    ).toEqual([2, 1]);
  });

  test("ONNX Runtime's quantized layer has its weights turned, and the same work", () => {
    const op = runtime("DynamicQuantizeLSTM");
    const turned = [of([5, 3, 7]), of([2, 7, 16], "int8"), of([2, 4, 16], "int8")];
    expect(shapes(op, turned, {}, 3).slice(0, 2)).toEqual(shapes("LSTM", lstm, {}, 3).slice(0, 2));
    const rows = (facts: readonly Fact[]) => facts.map((fact) => fact.shape);
    const made = [[5, 2, 3, 4]];
    expect(work(op, rows(turned), made)).toEqual(work("LSTM", rows(lstm), made));
  });

  test("work: gates of every step from input and state", () => {
    const rows = lstm.map((fact) => fact.shape);
    expect(work("LSTM", rows, [[5, 2, 3, 4]])).toMatchObject({
      work: { op: "matmul", b: 2, m: 15, n: 16, k: 11 },
    });
  });
});

describe("experts", () => {
  const [tokens, router] = [
    [2, 16, 32],
    [32, 8],
  ] as const;

  test("each token passes through the layers of its experts", () => {
    const layers = [[8, 32, 64], [], [8, 64, 32]];
    const shape = shapes(runtime("MoE"), [of(tokens), of(router)])[0];
    expect(shape).toEqual([2, 16, 32]);
    expect(work(runtime("MoE"), [tokens, router, ...layers], [tokens], { k: 2 })).toMatchObject({
      work: { b: 8, m: 8, k: 32, n: 128 },
    });
  });

  test("4-bit weights lie two to a byte", () => {
    const layers = [[8, 64, 16], [8, 64], [], [8, 32, 32], [8, 32]];
    expect(work(runtime("QMoE"), [tokens, router, ...layers], [tokens], { k: 1 })).toMatchObject({
      work: { b: 8, m: 4, k: 32, n: 128 },
    });
  });
});

describe("scaled integers", () => {
  const [a, b, scale] = [of([4, 8], "uint8"), of([8, 6], "uint8"), of([])];

  test("quantised forms are the floating operator on their operands", () => {
    const product = [a, scale, scale, b, scale, scale, scale, scale];
    expect(infer("QLinearMatMul", product)[0]).toEqual(of([4, 6], "uint8"));
    const rows = product.map((fact) => fact.shape);
    expect(work("QLinearMatMul", rows, [[4, 6]])).toMatchObject({ work: { m: 4, n: 6, k: 8 } });
    expect(follow("QLinearMatMul", rows, [[4, 6]], [3, 1])).toEqual([1]);
    expect(follow("QLinearMatMul", rows, [[4, 6]], [1, 0])).toEqual(["lost"]);
    const joined = [scale, scale, a, scale, scale, a, scale, scale];
    expect(shapes(runtime("QLinearConcat"), joined, { axis: 1 })[0]).toEqual([4, 16]);
    expect(infer(runtime("DynamicQuantizeMatMul"), [of([4, 8]), b])[0]?.dtype).toBe("float32");
  });

  test("blockwise weights: sizes are attributes", () => {
    const sizes = { K: 64, N: 96, bits: 4, block_size: 32 };
    const inputs = [of([2, 16, 64]), of([96, 2, 16], "uint8"), of([192])];
    expect(shapes(runtime("MatMulNBits"), inputs, sizes)[0]).toEqual([2, 16, 96]);
    expect(() => infer(runtime("MatMulNBits"), [of([2, 60])], sizes)).toThrow(/K = 64/);
    const rows = inputs.map((fact) => fact.shape);
    expect(work(runtime("MatMulNBits"), rows, [[2, 16, 96]], sizes)).toMatchObject({
      work: { m: 32, n: 96, k: 64 },
    });
  });

  test("rows of a quantised table", () => {
    const table = [of([100, 32], "uint8"), of([2, 5], "int64"), of([100, 2])];
    const attributes = { quantize_axis: 1, block_size: 32, gather_axis: 0 };
    expect(infer(runtime("GatherBlockQuantized"), table, attributes)[0]).toEqual(of([2, 5, 64]));
  });
});

describe("as many as the data says", () => {
  test("known where the data is known", () => {
    const grid: Fact = { dtype: "bool", shape: [2, 2], value: [1, 0, 1, 1] };
    expect(infer("NonZero", [grid])[0]).toEqual({
      ...{ dtype: "int64", shape: [2, 3], value: [0, 1, 1, 0, 0, 1] },
    });
    const flags: Fact = { dtype: "bool", shape: [3], value: [1, 0, 1] };
    expect(shapes("Compress", [of([4, 3]), flags], { axis: 1 })[0]).toEqual([4, 2]);
    expect(() => infer("NonZero", [of([4])])).toThrow(/depends on data/);
    expect(() => infer("Unique", [of([4])])).toThrow(/depends on data/);
  });
});

describe("optimizers of the runtime", () => {
  test("updated tensors, one number of all gradients", () => {
    const [rate, step] = [of([]), of([], "int64")];
    const adam = [rate, step, of([8]), of([8]), of([8]), of([8])];
    expect(shapes(runtime("AdamOptimizer"), adam, {}, 5)).toEqual([[], [8], [8], [8], [8]]);
    expect(infer(runtime("IsAllFinite"), [of([4]), of([5])])).toEqual([of([], "bool")]);
    expect(work(runtime("ReduceAllL2"), [[4], [6]], [[]])).toMatchObject({ work: { flops: 20 } });
  });
});

describe("attention of the runtime", () => {
  test("packed sequences: what attends is in the token offsets", () => {
    const inputs = [[40, 64], [40, 64], [40, 32], [], [4, 16]] as const;
    const facts = [of(inputs[0]), of(inputs[1]), of(inputs[2]), null, of(inputs[4], "int32")];
    const packed = runtime("PackedMultiHeadAttention");
    expect(shapes(packed, facts, { num_heads: 8 })[0]).toEqual([40, 32]);
    expect(work(packed, [...inputs], [[40, 32]], { num_heads: 8 })).toMatchObject({
      work: { b: 4, heads: 8, q_len: 16, head_dim: 8 },
    });
  });
});
