import fc from "fast-check";
import { expect, test } from "vitest";
import { DiagnosticError } from "../base/diagnostics/diagnostic.js";
import { readTrace } from "./read-trace.js";

const read = (text: string) => readTrace(text, "t.csv");

/** Code and place of what is wrong with a trace. */
function complaint(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (error instanceof DiagnosticError) {
      return error.diagnostics.map(({ code, where }) => `${code} ${where}`).join();
    }
    throw error;
  }
  return "none";
}

test("a value holds until the next row, the last as long as the row before", () => {
  const { origin_s, slots } = read("time,power_w\n0,5\n60,7\n90,6\n");
  expect(origin_s).toBeNull();
  expect(slots.map(({ start_s, end_s, power_w }) => [start_s, end_s, power_w])).toEqual([
    [0, 60, 5],
    [60, 90, 7],
    [90, 120, 6],
  ]);
  expect(slots[0]).toMatchObject({ carbon_g_per_kwh: null, price_per_kwh: null });
});

test("dates count from the first row, whatever zone they are written in", () => {
  const text = "time,price_per_kwh\n2025-03-30T01:00+01:00,-0.1\n2025-03-30T03:00+02:00,0.2\n";
  const { origin_s, slots } = read(text);
  expect(origin_s).toBe(Date.UTC(2025, 2, 30) / 1000);
  expect(slots.map(({ start_s, price_per_kwh }) => [start_s, price_per_kwh])).toEqual([
    [0, -0.1],
    [3600, 0.2],
  ]);
});

test.each([
  ["", "KRS4401 t.csv:1"],
  ["time,power_w\n", "KRS4401 t.csv:1"],
  ["when,power_w\n0,1\n1,1\n", "KRS4401 t.csv:1"],
  ["time,watts\n0,1\n1,1\n", "KRS4401 t.csv:1"],
  ["time,power_w\n0,1\n", "KRS4401 t.csv:1"],
  ["time,power_w\n0,1\n0,1\n", "KRS4401 t.csv:3"],
  ["time,power_w\n0,1\nlater,1\n", "KRS4401 t.csv:3"],
  ["time,power_w\n0,1\n2025-01-01T00:00Z,1\n", "KRS4401 t.csv:3"],
  ["time,power_w\n2025-01-01T00:00,1\n2025-01-01T01:00,1\n", "KRS4401 t.csv:2"],
  ["time,carbon_g_per_kwh\n0,1\n1,-1\n", "KRS4401 t.csv:3"],
  ["time,power_w\n0,1\n1,\n", "KRS4401 t.csv:3"],
  ["time,power_w\n0,1\n1\n", "KRS4401 t.csv:3"],
  ['time,power_w\n0,"1\n1,2\n', "KRS4401 t.csv:3"],
])("%j is told with its line", (text, expected) => {
  expect(complaint(text)).toBe(expected);
});

test("whatever a file holds, it is read or told", () => {
  const cell = fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.constantFrom("time", "power_w", "1", "-1", "2025-01-01T00:00Z", '"', "\n", "1e999"),
  );
  const text = fc
    .array(
      fc.array(cell, { maxLength: 4 }).map((cells) => cells.join(",")),
      { maxLength: 5 },
    )
    .map((lines) => lines.join("\n"));
  fc.assert(
    fc.property(text, (noise) => {
      for (const each of [noise, `time,power_w\n${noise}`])
        expect(complaint(each)).toMatch(/^(none|KRS4401)/);
    }),
    { numRuns: 500, seed: 1 },
  );
});
