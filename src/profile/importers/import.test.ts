import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { imported, scratchFolder } from "../../../test/support/imports.js";

const file = scratchFolder();

test("a stage profile becomes instruction records", () => {
  const csv = "stage,instruction,frequency,time,energy\n1,backward,1410,0.1,30\n";
  expect(imported([file("s.csv", csv)]).records).toMatchObject([
    { record: "instruction", stage: 1, instruction: "backward", time_s: 0.1, energy_j: 30 },
  ]);
});

test("unknown, mixed, absent", () => {
  expect(() => imported([file("u", "hello")])).toThrow(/KRS2040/);
  expect(() => imported([file("j.json", '{"a":1}')])).toThrow(/KRS2040/);
  expect(() => imported([file("cut.json", '{"traceEvents":[')])).toThrow(/KRS2040/);
  expect(() => imported([file("cut.gz", gzipSync("x".repeat(99)).subarray(0, 20))])).toThrow(
    /KRS2010/,
  );
  expect(() => imported([`${file("there", "")}.absent`])).toThrow(/KRS2010/);
  const csv = file("m.csv", "stage,instruction,frequency,time,energy\n1,backward,1410,0.1,30\n");
  expect(() => imported([csv, file("m.json", '{"traceEvents":[]}')])).toThrow(/KRS2046/);
});
