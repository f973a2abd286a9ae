import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { modelBytes, node, read, temporaryFile } from "../../test/support/onnx-model.js";
import { DiagnosticError } from "../base/diagnostics/diagnostic.js";
import { decodeModel } from "./decode.js";
import { stripPayloads } from "./strip-payloads.js";

const file = temporaryFile();
const relu = node("Relu", ["x"], ["y"]);

/** What the file's initializers and constants show, by name. */
function bandsIn(path: string) {
  const { graph } = decodeModel(stripPayloads(path).bytes, path);
  const constants = graph.nodes.flatMap(({ op, outputs, attributes: { value } }) =>
    op === "Constant" && typeof value === "object" && "dtype" in value
      ? [[outputs[0], value.band]]
      : [],
  );
  const stored = [...graph.initializers].map(([name, { band }]) => [name, band]);
  return Object.fromEntries([...stored, ...constants].filter(([, band]) => band !== undefined));
}

/** Whether each place shows: its own and all before it. */
const triangle = (rows: number) =>
  Array.from({ length: rows * rows }, (_, i) => i % rows <= Math.floor(i / rows));
const causal = (rows: number) => ({ behind: rows - 1, ahead: 0 });
const bytesOf = (shown: readonly boolean[]) => Uint8Array.from(shown, Number);

/** A mask of each type, in each field that may hold it. */
const FORMS: readonly (readonly [string, number, (shown: readonly boolean[]) => object])[] = [
  ["bool, raw", 9, (shown) => ({ rawData: bytesOf(shown) })],
  ["bool, as int32", 9, (shown) => ({ int32Data: shown.map(Number) })],
  ["float, raw", 1, (shown) => ({ rawData: rawOf(Float32Array.from(shown, hide)) })],
  ["float", 1, (shown) => ({ floatData: shown.map(hide) })],
  ["double, raw", 11, (shown) => ({ rawData: rawOf(Float64Array.from(shown, hide)) })],
  ["double", 11, (shown) => ({ doubleData: shown.map(hide) })],
  ["half, as int32", 10, (shown) => ({ int32Data: shown.map((s) => (s ? 0 : 0xfc00)) })],
  ["bfloat16, as int32", 16, (shown) => ({ int32Data: shown.map((s) => (s ? 0 : 0xff80)) })],
  ["int32", 6, (shown) => ({ int32Data: shown.map((s) => (s ? 0 : -10000)) })],
  [
    "int64, raw",
    7,
    (shown) => ({ rawData: rawOf(BigInt64Array.from(shown, (s) => (s ? 1n : -5n))) }),
  ],
  ["int64", 7, (shown) => ({ int64Data: shown.map((s) => (s ? 1 : -5)) })],
  ["uint64", 13, (shown) => ({ uint64Data: shown.map(Number) })],
];
const hide = (shown: boolean) => (shown ? 0 : Number.NEGATIVE_INFINITY);
const rawOf = ({ buffer }: { readonly buffer: ArrayBufferLike }) => new Uint8Array(buffer);

describe("a stored mask is read", () => {
  test.each(FORMS)("%s, few and many, in initializers and constants", (_, dataType, data) => {
    const tensor = (rows: number) => ({ dims: [1, rows, rows], dataType, ...data(triangle(rows)) });
    const initializer = [8, 100].map((rows) => ({ name: `i${rows}`, ...tensor(rows) }));
    const constants = [8, 100].map((rows) =>
      node("Constant", [], [`c${rows}`], { value: { t: tensor(rows) } }),
    );
    const path = file(modelBytes({ node: [...constants, relu], initializer }));
    const [few, many] = [causal(8), causal(100)];
    expect(bandsIn(path)).toEqual({ i8: few, i100: many, c8: few, c100: many });
  });

  test("differences of positions are, however many", () => {
    const initializer = [8, 100].flatMap((rows) => {
      const numbers = Array.from(
        { length: rows * rows },
        (_, i) => Math.floor(i / rows) - (i % rows),
      );
      const int64 = { dataType: 7, dims: [rows, rows] };
      const raw = rawOf(BigInt64Array.from(numbers.map(BigInt)));
      return [
        { name: `raw ${rows}`, ...int64, rawData: raw },
        { name: `typed ${rows}`, ...int64, int64Data: numbers },
      ];
    });
    const found = bandsIn(file(modelBytes({ node: [relu], initializer })));
    const slopes = { diagonal: 0, before: 1, after: -1 };
    const [few, many] = [8, 100].map((rows) => ({ behind: rows - 1, ahead: rows - 1, slopes }));
    expect(found).toEqual({ "raw 8": few, "typed 8": few, "raw 100": many, "typed 100": many });
  });

  test("weights hide nothing; parts of one, and what the file itself says that one shows, count not", () => {
    const all = triangle(100);
    const bool = { dataType: 9, dims: [100, 100] };
    const initializer = [
      { name: "weights", ...bool, rawData: Uint8Array.from(all, (_, i) => i % 7) },
      { name: "two for one", ...bool, rawData: bytesOf([...all, ...all]) },
      { name: "one for two", ...bool, dims: [2, 100, 100], rawData: bytesOf(all) },
      { name: "some", ...bool, rawData: bytesOf(all).fill(0, 1, 102) },
      { name: "said", ...bool, rawData: bytesOf(all).fill(2, 0, 9), seenBand: [99, 0, 2] },
    ];
    const nothing = { behind: 99, ahead: 99 };
    expect(bandsIn(file(modelBytes({ node: [relu], initializer })))).toEqual({
      ...{ weights: nothing, some: null, said: nothing },
    });
  });

  test("as the exporter notes it where elements are nowhere", () => {
    const noted = (value: string, key = "kareus.band", location = "missing") => {
      const kept = { externalData: [{ key: "location", value: location }], dataLocation: 1 };
      const tensor = { name: "m", dataType: 9, dims: [1, 16, 16], ...kept };
      const initializer = [{ ...tensor, metadataProps: [{ key, value }] }];
      const path = file(modelBytes({ node: [relu], initializer }));
      writeFileSync(join(dirname(path), "there"), bytesOf(triangle(16)));
      return bandsIn(path).m;
    };
    expect(noted("15 0")).toEqual(causal(16));
    expect(noted("15 15 0 1 -1")).toEqual({
      ...{ behind: 15, ahead: 15, slopes: { diagonal: 0, before: 1, after: -1 } },
    });
    expect(noted("15 0 1")).toEqual({ ...causal(16), hides_more: true });
    expect(noted("")).toBeNull();
    // What is there to be read is not what a note says of it.
    expect(noted("3 3", "kareus.band", "there")).toEqual(causal(16));
    const wrong = [
      "15",
      "16 0",
      "-1 0",
      "1.5 0",
      "x 0",
      "15 0 2",
      "15 0 0 1 1e400",
      "15 0 1 1 1 1",
    ];
    for (const value of wrong) expect(noted(value)).toBeUndefined();
    expect(noted("15 0", "band")).toBeUndefined();
  });

  test("in files beside the model, and in none elsewhere", () => {
    const path = file(new Uint8Array());
    const folder = dirname(path);
    writeFileSync(
      join(folder, "data"),
      Buffer.concat([Buffer.alloc(64, 7), bytesOf(triangle(16))]),
    );
    symlinkSync("/dev/zero", join(folder, "zeros"));
    symlinkSync("/etc", join(folder, "outside"));
    mkdirSync(join(folder, "below"));
    execFileSync("mkfifo", [join(folder, "pipe")]);
    const from = (location: string, more: Readonly<Record<string, string>> = {}) => {
      const entries = { location, offset: "64", length: "256", ...more };
      const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
      const tensor = { name: "m", dataType: 9, dims: [16, 16], dataLocation: 1, externalData };
      writeFileSync(path, modelBytes({ node: [relu], initializer: [tensor] }));
      return Object.values(bandsIn(path));
    };
    expect(from("data")).toEqual([causal(16)]);
    expect(from("./below/../data")).toEqual([causal(16)]);
    const none = ["missing", "zeros", "pipe", ".", "below", "outside/passwd", "data\u0000", ""];
    expect(none.flatMap((location) => from(location))).toEqual([]);
    const numbers = ["65", "-1", "1e1", "0x40", "64.0", " 64", "9007199254740993", "NaN"];
    expect(numbers.flatMap((offset) => from("data", { offset }))).toEqual([]);
    expect(["255", "257", "-256"].flatMap((length) => from("data", { length }))).toEqual([]);
  });
});

test("whatever is stored, and wherever it is said to lie, it is read or refused", () => {
  const numbers = fc.oneof(
    fc.constantFrom("", "0", "64", "-1", "1e99", "18446744073709551616", "x"),
    fc.nat(400).map(String),
  );
  const external = fc.record({
    location: fc.constantFrom(
      "data",
      "d/../data",
      "none",
      "../data",
      "/etc/passwd",
      "",
      "d",
      "\u0000",
    ),
    offset: numbers,
    length: numbers,
  });
  const dims = fc.array(fc.constantFrom(-1, 0, 1, 2, 8, 16, 100, 2 ** 31, 2 ** 40), {
    maxLength: 4,
  });
  const form = fc.constantFrom(...FORMS);
  const cut = fc.nat({ max: 40 });
  fc.assert(
    fc.property(
      dims,
      form,
      cut,
      fc.option(external),
      fc.nat(30),
      (sizes, [, type, data], less, where, other) => {
        const rows = sizes.at(-1) ?? 4;
        const shown = triangle(rows > 0 && rows <= 100 ? rows : 4);
        const stored = data(shown.slice(0, Math.max(0, shown.length - less)));
        const tensor = {
          ...{ name: "mask", dims: sizes, dataType: other < 20 ? type : other, ...stored },
          ...(where === null
            ? {}
            : {
                dataLocation: 1,
                externalData: Object.entries(where).map(([key, value]) => ({ key, value })),
              }),
        };
        const constant = node("Constant", [], ["c"], { value: { t: tensor } });
        const path = file(modelBytes({ node: [constant, relu], initializer: [tensor] }));
        writeFileSync(join(dirname(path), "data"), bytesOf(triangle(16)));
        try {
          for (const band of Object.values(bandsIn(path))) {
            expect(band).toEqual(causal(rows));
            expect(where !== null || less === 0).toBe(true);
          }
        } catch (error) {
          if (!(error instanceof DiagnosticError)) throw error;
        }
        read(path);
      },
    ),
    { seed: 4, numRuns: 300 },
  );
});
