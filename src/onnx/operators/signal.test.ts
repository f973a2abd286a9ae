import { describe, expect, test } from "vitest";
import { follow, ints, of, shapes, work } from "../../../test/support/operators.js";

describe("Fourier transforms", () => {
  test("of real and complex signals, whole or one-sided, forth and back", () => {
    expect(shapes("DFT", [of([2, 100, 1])])).toEqual([[2, 100, 2]]);
    expect(shapes("DFT", [of([2, 100, 1])], { onesided: 1 })).toEqual([[2, 51, 2]]);
    expect(shapes("DFT", [of([2, 51, 2]), ints(100)], { onesided: 1, inverse: 1 })).toEqual([
      [2, 100, 1],
    ]);
    expect(shapes("DFT", [of([8, 2, 30, 1]), null, ints(0)])).toEqual([[8, 2, 30, 2]]);
    expect(follow("DFT", [[2, 100, 1]], [[2, 100, 2]], [0, 0])).toEqual([0]);
    expect(follow("DFT", [[2, 100, 1]], [[2, 100, 2]], [0, 1])).toEqual(["lost"]);
  });

  test("count 5 n log2 n operations for each row", () => {
    expect(work("DFT", [[2, 1024, 1]], [[2, 1024, 2]])).toMatchObject({
      work: {
        op: "memory",
        flops: 2 * 5 * 1024 * 10,
        bytes_read: 4 * 2048,
        bytes_written: 4 * 4096,
      },
    });
  });

  test("of frames: as many as fit, one-sided unless told", () => {
    const call = [of([2, 16000]), ints(160), of([400])] as const;
    expect(shapes("STFT", call)).toEqual([[2, 98, 201, 2]]);
    expect(shapes("STFT", [...call, ints(512)], { onesided: 0 })).toEqual([[2, 97, 512, 2]]);
    expect(follow("STFT", [[2, 16000]], [[2, 98, 201, 2]], [0, 0])).toEqual([0]);
  });

  test("begin with tables that depend on sizes alone", () => {
    expect(shapes("HannWindow", [ints(400)])).toEqual([[400]]);
    expect(shapes("MelWeightMatrix", [ints(80), ints(400)])).toEqual([[201, 80]]);
  });
});
