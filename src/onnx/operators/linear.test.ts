import { describe, expect, test } from "vitest";
import { follow, infer, of, shapes, work } from "../../../test/support/operators.js";

describe("matmul", () => {
  test("matrices, batches and vectors", () => {
    expect(shapes("MatMul", [of([8, 16, 32]), of([32, 64])])).toEqual([[8, 16, 64]]);
    expect(shapes("MatMul", [of([8, 1, 2, 3]), of([4, 3, 5])])).toEqual([[8, 4, 2, 5]]);
    expect(shapes("MatMul", [of([3]), of([3, 5])])).toEqual([[5]]);
    expect(shapes("MatMul", [of([2, 3]), of([3])])).toEqual([[2]]);
    expect(() => infer("MatMul", [of([2, 3]), of([4, 5])])).toThrow(/multiply/);
  });

  test("follows rows, columns and batches, sums the contraction", () => {
    const inputs = [
      [8, 16, 32],
      [8, 32, 64],
    ];
    const at = (input: number, axis: number) =>
      follow("MatMul", inputs, [[8, 16, 64]], [input, axis]);
    expect([0, 1, 2].map((axis) => at(0, axis))).toEqual([[0], [1], ["reduced"]]);
    expect([0, 1, 2].map((axis) => at(1, axis))).toEqual([[0], ["reduced"], [2]]);
    expect(follow("MatMul", [[2, 3], [3]], [[2]], [1, 0])).toEqual(["reduced"]);
    expect(follow("MatMul", [[3], [3, 5]], [[5]], [1, 1])).toEqual([0]);
  });

  test("a shared weight makes one tall product, batched weights many", () => {
    expect(
      work(
        "MatMul",
        [
          [8, 16, 32],
          [32, 64],
        ],
        [[8, 16, 64]],
      ),
    ).toMatchObject({
      ...{ class: "linear", work: { op: "matmul", b: 1, m: 128, n: 64, k: 32 } },
    });
    expect(
      work(
        "MatMul",
        [
          [8, 16, 32],
          [8, 32, 64],
        ],
        [[8, 16, 64]],
      ),
    ).toMatchObject({
      work: { b: 8, m: 16, n: 64, k: 32 },
    });
  });

  test("fused transpositions", () => {
    const op = "com.microsoft::FusedMatMul";
    expect(shapes(op, [of([8, 32, 16]), of([8, 64, 32])], { transA: 1, transB: 1 })).toEqual([
      [8, 16, 64],
    ]);
    // transBatchA: the first axis is the matrix's, the second is the batch.
    expect(shapes(op, [of([16, 8, 32]), of([8, 32, 64])], { transBatchA: 1 })).toEqual([
      [8, 16, 64],
    ]);
    const follows = (axis: number) =>
      follow(
        op,
        [
          [16, 8, 32],
          [8, 32, 64],
        ],
        [[8, 16, 64]],
        [0, axis],
        { transBatchA: 1 },
      );
    expect([0, 1, 2].map(follows)).toEqual([[1], [0], ["reduced"]]);
    expect(
      work(
        op,
        [
          [32, 16],
          [64, 32],
        ],
        [[16, 64]],
        { transA: 1, transB: 1 },
      ),
    ).toMatchObject({
      work: { b: 1, m: 16, n: 64, k: 32 },
    });
  });
});

describe("gemm", () => {
  test("transposed operands", () => {
    expect(shapes("Gemm", [of([16, 32]), of([64, 32])], { transB: 1 })).toEqual([[16, 64]]);
    const at = (input: number, axis: number) =>
      follow("Gemm", [[16, 32], [64, 32], [64]], [[16, 64]], [input, axis], { transB: 1 });
    expect([at(0, 0), at(0, 1), at(1, 0), at(1, 1), at(2, 0)]).toEqual([
      ...[[0], ["reduced"], [1], ["reduced"], [1]],
    ]);
    expect(shapes("Gemm", [of([3, 2, 4]), of([4, 5])])[0]).toEqual([3, 2, 5]);
    expect(() => infer("Gemm", [of([4]), of([4, 2])])).toThrow(/matrices/);
  });

  test("contracts over rows for a weight gradient", () => {
    const at = (input: number, axis: number) =>
      follow(
        "Gemm",
        [
          [16, 32],
          [16, 64],
        ],
        [[32, 64]],
        [input, axis],
        { transA: 1 },
      );
    expect([at(0, 0), at(0, 1), at(1, 0), at(1, 1)]).toEqual([["reduced"], [0], ["reduced"], [1]]);
  });
});

describe("einsum", () => {
  const equation = "bqhd,bkhd->bhqk";
  const inputs = [
    [2, 16, 4, 8],
    [2, 12, 4, 8],
  ];

  test("shape, axes and work", () => {
    expect(
      shapes(
        "Einsum",
        inputs.map((shape) => of(shape)),
        { equation },
      ),
    ).toEqual([[2, 4, 16, 12]]);
    const at = (axis: number) =>
      follow("Einsum", inputs, [[2, 4, 16, 12]], [0, axis], { equation });
    expect([0, 1, 2, 3].map(at)).toEqual([[0], [2], [1], ["reduced"]]);
    expect(work("Einsum", inputs, [[2, 4, 16, 12]], { equation })).toMatchObject({
      work: { b: 8, m: 16, n: 12, k: 8 },
    });
  });

  test("ellipsis and an implied output", () => {
    expect(shapes("Einsum", [of([2, 3, 4, 5]), of([5, 6])], { equation: "...i,ij->...j" })).toEqual(
      [[2, 3, 4, 6]],
    );
    expect(shapes("Einsum", [of([3, 4]), of([4, 5])], { equation: "ij,jk" })).toEqual([[3, 5]]);
    expect(() => infer("Einsum", [of([3, 4])], { equation: "ijk->i" })).toThrow(/ijk/);
  });
});
