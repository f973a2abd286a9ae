import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { elementCount } from "../../src/ir/tensor-graph.js";
import type { Operand, ShapedNode } from "../../src/onnx/operators/operator.js";
import { followPlace, localTensor, originOf, type Place } from "./places.js";

const operand = (shape: readonly number[]): Operand => ({
  dtype: "bfloat16",
  role: "activation",
  shape,
});
const reshape = (from: readonly number[], to: readonly number[]): ShapedNode => ({
  name: "r",
  op: "Reshape",
  attributes: {},
  inputs: [operand(from)],
  outputs: [operand(to)],
});

/** The position in the sequence of each element, in memory order. */
function positions(shape: readonly number[], { axis, inner, size }: Place): number[] {
  const stride = inner * elementCount(shape.slice(axis + 1));
  return Array.from({ length: elementCount(shape) }, (_, i) => Math.floor(i / stride) % size);
}

describe("places", () => {
  it("leave whole positions on every rank, whatever the size", () => {
    for (let size = 2; size < 200; size++) {
      const tensor = { ...operand([3, size]), name: "t", batch_axis: null };
      const { shape } = localTensor(tensor, { axis: 1, inner: 1, size }, 2);
      expect(shape).toEqual([3, Math.ceil(size / 2)]);
    }
  });

  it("follow a sequence through any reshape to where its elements are", () => {
    const sizes = fc.array(fc.constantFrom(1, 2, 3, 4), { minLength: 2, maxLength: 4 });
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), (factors, pick, cuts) => {
        const axis = pick % factors.length;
        const place = { axis, inner: 1, size: factors[axis] ?? 1 };
        fc.pre(place.size > 1);
        // Any grouping of neighbouring factors is a reshape.
        const to: number[] = [];
        for (const [i, factor] of factors.entries()) {
          if (i > 0 && (cuts >> i) % 2 === 1) to.push((to.pop() ?? 1) * factor);
          else to.push(factor);
        }
        const node = reshape(factors, to);
        const [target] = followPlace(node, 0, place);
        if (target === undefined || typeof target === "string") throw new Error("lost");
        expect(positions(to, target)).toEqual(positions(factors, place));
        expect(originOf(node, 0, 0, target)).toEqual(place);
        const local = localTensor(
          { name: "t", batch_axis: null, ...operand(to) },
          target,
          place.size,
        );
        expect(elementCount(local.shape) * place.size).toBe(elementCount(to));
      }),
      { seed: 5 },
    );
  });

  it("leave every rank its share of a shifted sequence", () => {
    const shift = { ...reshape([2, 64, 8], [2, 63, 8]), op: "Slice" };
    const [target] = followPlace(shift, 0, { axis: 1, inner: 1, size: 64 });
    expect(target).toEqual({ axis: 1, inner: 1, size: 63 });
    const place = { axis: 0, inner: 1, size: 63 };
    const merged = { name: "t", batch_axis: 0, ...operand([126, 8]) };
    expect(localTensor(merged, place, 2).shape).toEqual([64, 8]);
  });
});
