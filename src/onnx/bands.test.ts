import fc from "fast-check";
import { expect, test } from "vitest";
import { BandReader } from "./bands.js";

const [BOOL, FLOAT] = [9, 1];

/** Squares that show so many places before and after each, as floats. */
function squares(rows: number, behind: number, ahead: number, count = 1): Float32Array {
  return Float32Array.from({ length: count * rows * rows }, (_, i) => {
    const [row, column] = [Math.floor(i / rows) % rows, i % rows];
    return column >= row - behind && column <= row + ahead ? 0 : Number.NEGATIVE_INFINITY;
  });
}

function bandOf(values: Float32Array, shape: readonly number[], parts = 1) {
  const reader = BandReader.of(shape, FLOAT);
  const bytes = new Uint8Array(values.buffer);
  const size = Math.ceil(bytes.length / parts);
  for (let at = 0; at < bytes.length; at += size) reader?.take(bytes.subarray(at, at + size));
  return reader?.band();
}

test("any band of any square is read, in whatever parts its bytes come", () => {
  fc.assert(
    fc.property(
      ...([fc.integer({ min: 2, max: 9 }), fc.nat(8), fc.nat(8)] as const),
      ...([fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 50 })] as const),
      (rows, behind, ahead, count, parts) => {
        const most = rows - 1;
        // A diagonal alone is what is hidden.
        const own = behind + ahead === 0 ? most : 0;
        const places = (side: number) => Math.max(own, Math.min(side, most));
        const band = { behind: places(behind), ahead: places(ahead) };
        const values = squares(rows, behind, ahead, count);
        expect(bandOf(values, [count, 1, rows, rows], parts)).toEqual(band);
      },
    ),
  );
});

test("one place otherwise is no band, unless it makes another", () => {
  for (let at = 0; at < 36; at++) {
    const values = squares(6, 2, 1);
    values[at] = values[at] === 0 ? Number.NEGATIVE_INFINITY : 0;
    expect(bandOf(values, [6, 6])).toBeNull();
  }
});

test("of more than two numbers very low ones hide; without any, all show", () => {
  const all = { behind: 3, ahead: 3 };
  const weights = Float32Array.from({ length: 16 }, (_, i) => i);
  expect(bandOf(weights, [4, 4])).toEqual(all);
  const bias = (hides: (row: number, column: number) => boolean, low: number) =>
    Float32Array.from({ length: 16 }, (_, i) => {
      const [row, column] = [Math.floor(i / 4), i % 4];
      return hides(row, column) ? low - i : (column - row) / 8;
    });
  const later = (row: number, column: number) => column > row;
  expect(bandOf(bias(later, Number.NEGATIVE_INFINITY), [4, 4])).toEqual({ behind: 3, ahead: 0 });
  expect(bandOf(bias(later, -10000), [4, 4])).toEqual({ behind: 3, ahead: 0 });
  expect(bandOf(bias(later, -9900), [4, 4])).toEqual(all);
  const behind = (row: number, column: number) => column > row || (row > 1 && column === 1);
  expect(bandOf(bias(behind, -10000), [4, 4])).toBeNull();
});

test.each([
  [10, [0, 0xfc00, 0xfbff, 0x3c00]],
  [16, [0, 0xff80, 0xff7f, 0x3f80]],
])(
  "so it is with floats of two bytes: type %i",
  (type, [shown = 0, hidden = 0, low = 0, other = 0]) => {
    const reader = BandReader.of([3, 3], type);
    const rows = [shown, hidden, low, other, shown, hidden, other, other, shown];
    reader?.take(new Uint8Array(Uint16Array.from(rows).buffer));
    expect(reader?.band()).toEqual({ behind: 2, ahead: 0 });
  },
);

test("a part of a square is not read; other shapes and types are not", () => {
  expect(bandOf(squares(4, 3, 0).slice(0, 14), [4, 4])).toBeUndefined();
  expect(BandReader.of([4, 5], FLOAT)).toBeNull();
  expect(BandReader.of([1, 1], BOOL)).toBeNull();
  expect(BandReader.of([4, 4], 8)).toBeNull();
});
