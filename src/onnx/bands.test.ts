import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Slopes } from "../ir/tensor-graph.js";
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
  const below = { behind: 3, ahead: 0, hides_more: true };
  expect(bandOf(bias(behind, -10000), [4, 4])).toEqual(below);
  const other = (row: number, column: number) => column === 1 || (column > row && row > 1);
  expect(bandOf(bias(other, -10000), [4, 4])).toBeNull();
});

test("a bias hides what is very low in it, wherever its third number stands", () => {
  fc.assert(
    fc.property(
      ...([fc.integer({ min: 3, max: 8 }), fc.nat(7), fc.nat(7)] as const),
      fc.integer({ min: 1, max: 9 }),
      (rows, behind, ahead, numbers) => {
        const band = { behind: Math.min(behind, rows - 1), ahead: Math.min(ahead, rows - 1) };
        // Where the first row shows all, more numbers than two are weights.
        fc.pre(band.ahead < rows - 1 && band.behind + band.ahead > 0);
        const values = squares(rows, behind, ahead).map((value, i) =>
          value === 0 ? ((i * 7) % rows) % numbers : value,
        );
        expect(bandOf(values, [rows, rows])).toEqual(band);
      },
    ),
  );
  const documents = Float32Array.from({ length: 64 }, (_, i) => {
    const [row, column] = [Math.floor(i / 8), i % 8];
    return Math.floor(row / 4) === Math.floor(column / 4) ? row - column : -1e9;
  });
  expect(bandOf(documents, [8, 8])).toBeNull();
});

test("rows that show their own place and some before it are below the diagonal", () => {
  const shown = (shows: (row: number, column: number) => boolean) =>
    Float32Array.from({ length: 36 }, (_, i) =>
      shows(Math.floor(i / 6), i % 6) ? 0 : Number.NEGATIVE_INFINITY,
    );
  const below = { behind: 5, ahead: 0, hides_more: true };
  const isDocument = (row: number, column: number) =>
    Math.floor(row / 3) === Math.floor(column / 3);
  expect(
    bandOf(
      shown((r, c) => c <= r && isDocument(r, c)),
      [6, 6],
    ),
  ).toEqual(below);
  expect(
    bandOf(
      shown((r, c) => c <= r && (r - c < 2 || c === 0)),
      [6, 6],
    ),
  ).toEqual(below);
  const narrow = shown((r, c) => c <= r && r - c < 2);
  const wide = shown((r, c) => c <= r && r - c < 4);
  expect(bandOf(Float32Array.of(...narrow, ...wide), [2, 6, 6])).toEqual(below);
  const all = shown(() => true);
  expect(bandOf(Float32Array.of(...narrow, ...all), [2, 6, 6])).toBeNull();
  expect(bandOf(shown(isDocument), [6, 6])).toBeNull();
  // The first key is hidden from all, and with it the place that is read first.
  expect(
    bandOf(
      shown((_, c) => c > 0),
      [6, 6],
    ),
  ).toBeNull();
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

test("of rows of other lengths it is told whether any of them hides something", () => {
  const all = { behind: 4, ahead: 4 };
  expect(bandOf(new Float32Array(30), [2, 3, 5])).toEqual(all);
  expect(bandOf(new Float32Array(30), [2, 5, 3])).toEqual({ behind: 2, ahead: 2 });
  const bias = Float32Array.from({ length: 30 }, (_, i) => i / 8);
  expect(bandOf(bias, [2, 3, 5])).toEqual(all);
  for (let at = 0; at < 30; at++) {
    const hidden = new Float32Array(30);
    hidden[at] = Number.NEGATIVE_INFINITY;
    expect(bandOf(hidden, [2, 3, 5])).toBeNull();
  }
  expect(bandOf(new Float32Array(14), [3, 5])).toBeUndefined();
});

test("a part of a square is not read; other shapes and types are not", () => {
  expect(bandOf(squares(4, 3, 0).slice(0, 14), [4, 4])).toBeUndefined();
  expect(BandReader.of([1, 5], FLOAT)).toBeNull();
  expect(BandReader.of([1, 1], BOOL)).toBeNull();
  expect(BandReader.of([4, 4], 8)).toBeNull();
});

describe("differences of positions", () => {
  const even = (rows: number, { diagonal, before, after }: Slopes, count = 1) =>
    Array.from({ length: count * rows * rows }, (_, i) => {
      const apart = (Math.floor(i / rows) % rows) - (i % rows);
      return diagonal + (apart > 0 ? apart * before : -apart * after);
    });
  const all = { behind: 5, ahead: 5 };
  const slopes = fc.record({
    diagonal: fc.integer({ min: -9, max: 9 }),
    before: fc.integer({ min: -3, max: 3 }),
    after: fc.integer({ min: 1, max: 3 }),
  });

  test("are read off integers and floats, however they are written", () => {
    fc.assert(
      fc.property(slopes, fc.integer({ min: 1, max: 3 }), (grows, count) => {
        const numbers = even(6, grows, count);
        const forms: readonly (readonly [number, { readonly buffer: ArrayBuffer }])[] = [
          [1, Float32Array.from(numbers)],
          [11, Float64Array.from(numbers)],
          [6, Int32Array.from(numbers)],
          [7, BigInt64Array.from(numbers.map(BigInt))],
        ];
        // Two numbers alone are a mask.
        fc.pre(new Set(numbers).size > 2);
        for (const [type, { buffer }] of forms) {
          const reader = BandReader.of([count, 6, 6], type);
          reader?.take(new Uint8Array(buffer));
          expect(reader?.band()).toEqual({ ...all, slopes: grows });
        }
        const reader = BandReader.of([count, 6, 6], 7);
        reader?.takeVarints(Uint8Array.from(numbers.flatMap(varint)));
        expect(reader?.band()).toEqual({ ...all, slopes: grows });
      }),
    );
  });

  test("are none where one number differs, or a part is missing", () => {
    const numbers = even(6, { diagonal: 0, before: 1, after: -1 }, 2);
    for (let at = 0; at < numbers.length; at++) {
      const reader = BandReader.of([2, 6, 6], 6);
      reader?.takeNumbers(numbers.map((each, place) => (place === at ? each + 7 : each)));
      expect(reader?.band()).toEqual(all);
    }
    const reader = BandReader.of([2, 6, 6], 6);
    reader?.takeNumbers(numbers.slice(1));
    expect(reader?.band()).toEqual(all);
  });
});

/** As protobuf writes an int64. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 128n; rest /= 128n) bytes.push(Number(rest % 128n) + 128);
  return [...bytes, Number(rest)];
}
