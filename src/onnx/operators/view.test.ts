import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { follow, infer, ints, of, shapes, work } from "../../../test/support/operators.js";
import { stridedView, stridesOf } from "./call.js";

describe("shapes", () => {
  test.each([
    [
      [8, 16, 32],
      [0, -1],
      [8, 512],
    ],
    [[8, 16, 32], [-1], [4096]],
    [[1], [], []],
    [
      [0, 4],
      [2, -1],
      [2, 0],
    ],
    [
      [8, 16],
      [8, 4, 4],
      [8, 4, 4],
    ],
  ])("%j reshaped to %j", (from, to, result) => {
    expect(shapes("Reshape", [of(from), ints(...to)])).toEqual([result]);
  });

  test("a reshape that does not fit, or whose shape is data", () => {
    expect(() => infer("Reshape", [of([8, 3]), ints(5, -1)])).toThrow(/reshape/);
    expect(() => infer("Reshape", [of([8, 3]), of([2], "int64")])).toThrow(/depends on data/);
  });

  test("allowzero keeps a zero", () => {
    expect(shapes("Reshape", [of([0, 4]), ints(4, 0)], { allowzero: 1 })).toEqual([[4, 0]]);
  });

  test("axes as an input, an attribute, a lone number or absent", () => {
    expect(shapes("Unsqueeze", [of([3, 4]), ints(0, -1)])).toEqual([[1, 3, 4, 1]]);
    expect(shapes("Unsqueeze", [of([3, 4])], { axes: [1] })).toEqual([[3, 1, 4]]);
    expect(shapes("Squeeze", [of([1, 3, 1])], { axes: 2 })).toEqual([[1, 3]]);
    expect(shapes("Squeeze", [of([1, 3, 1])])).toEqual([[3]]);
    expect(() => infer("Squeeze", [of([2, 3]), ints(0)])).toThrow(/not all 1/);
  });

  test("flatten and expand", () => {
    expect(shapes("Flatten", [of([2, 3, 4])], { axis: 2 })).toEqual([[6, 4]]);
    expect(shapes("Expand", [of([3, 1]), ints(2, 1, 4)])).toEqual([[2, 3, 4]]);
    expect(infer("Expand", [ints(7), ints(3)])[0]?.value).toEqual([7, 7, 7]);
  });

  test("values pass through", () => {
    expect(infer("Reshape", [ints(1, 2, 3, 4), ints(2, 2)])[0]?.value).toEqual([1, 2, 3, 4]);
    expect(infer("Unsqueeze", [{ ...ints(5), shape: [] }, ints(0)])[0]?.value).toEqual([5]);
  });
});

/** Element numbers of part `index` of `parts` along an axis. */
function part(shape: readonly number[], axis: number, parts: number, index: number) {
  const count = (shape[axis] ?? 1) / parts;
  const strides = stridesOf(shape);
  const inside = shape.map((dim, at) => (at === axis ? count : dim));
  const all = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, at) => at);
  return stridedView(all, inside, index * count * (strides[axis] ?? 1), strides);
}

describe("axes of a reshape", () => {
  test.each<[number[], number[], number, number | "lost"]>([
    [[8, 16, 24], [128, 24], 0, 0],
    [[8, 16, 24], [128, 24], 1, "lost"],
    [[8, 16, 24], [128, 24], 2, 1],
    [[128, 24], [8, 16, 4, 6], 1, 2],
    [[1, 256, 24], [256, 24], 1, 0],
    [[256, 24], [1, 256, 24], 0, 1],
    [[8, 1, 24], [8, 24], 2, 1],
    [[6, 4], [4, 6], 0, "lost"],
  ])("%j to %j sends %d to %s", (from, to, axis, target) => {
    expect(follow("Reshape", [from, []], [to], [0, axis])).toEqual([target]);
  });

  test("splitting before and after is the same (brute force)", () => {
    const dim = fc.constantFrom<number>(1, 2, 3, 4, 6);
    const shape = fc.array(dim, { minLength: 1, maxLength: 4 });
    let followed = 0;
    fc.assert(
      fc.property(shape, shape, fc.nat(3), fc.constantFrom(2, 3), (from, other, at, parts) => {
        const total = from.reduce((a, b) => a * b, 1);
        const rest = other.slice(1).reduce((a, b) => a * b, 1);
        if (total % rest !== 0) return;
        const to = [total / rest, ...other.slice(1)];
        const axis = at % from.length;
        const [target] = follow("Reshape", [from, []], [to], [0, axis]);
        if (typeof target !== "number") return;
        if ((from[axis] ?? 1) % parts !== 0 || (to[target] ?? 1) % parts !== 0) return;
        followed += 1;
        for (let index = 0; index < parts; index += 1) {
          expect(part(to, target, parts, index)).toEqual(part(from, axis, parts, index));
        }
      }),
      { seed: 3, numRuns: 3000 },
    );
    expect(followed).toBeGreaterThan(100);
  });

  test("squeezed, unsqueezed and expanded", () => {
    expect(follow("Unsqueeze", [[8, 4], [1]], [[8, 1, 4]], [0, 1], { axes: [1] })).toEqual([2]);
    expect(follow("Squeeze", [[8, 1, 4]], [[8, 4]], [0, 2], { axes: [1] })).toEqual([1]);
    expect(follow("Expand", [[8, 1, 4], [3]], [[8, 3, 4]], [0, 0])).toEqual([0]);
    expect(follow("Expand", [[8, 1, 4], [3]], [[8, 3, 4]], [0, 1])).toEqual(["lost"]);
  });
});

test("views are free", () => {
  for (const op of ["Reshape", "Squeeze", "Unsqueeze", "Flatten", "Expand", "Identity"]) {
    expect(work(op, [[8, 4]], [[8, 4]])).toEqual({ kind: "free" });
  }
});
