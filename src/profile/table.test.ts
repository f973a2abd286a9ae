import { describe, expect, test } from "vitest";
import { readTable } from "./table.js";

const ROW = { freq_mhz: 1410, launch_slot: "norm_0", sms: 3, time_s: 0.002, energy_j: 0.4 };
const HEADER = {
  ...{ format: "kareus-profile", version: 1, id: "x", gpu: "a100-sxm4-40gb", driver: null },
  ...{ date: null, tool: "test", method: null, note: "" },
};
const lines = (...rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).join("\n");

describe("readTable", () => {
  test("a row is settings and a cost; further fields are knobs, how it was measured is not", () => {
    const further = { ...ROW, block: 512, order: [1, 0], source: "measured", trials: 3 };
    const { header, rows } = readTable(`${lines(further)}\r\n\n`, "t");
    expect(header).toBeNull();
    expect(rows).toEqual([
      {
        settings: new Map<string, unknown>([
          ["freq_mhz", 1410],
          ["launch_slot", "norm_0"],
          ["sms", 3],
          ["block", 512],
          ["order", "[1,0]"],
        ]),
        time_s: 0.002,
        energy_j: 0.4,
      },
    ]);
  });

  test("a header may come first and is no row", () => {
    const { header, rows } = readTable(lines(HEADER, ROW, ROW), "t");
    expect(header?.gpu).toBe("a100-sxm4-40gb");
    expect(rows).toHaveLength(2);
  });

  test.each([
    ["not JSON", `${lines(ROW)}\n{`, /KRS3010 t:2: is not JSON/],
    ["no object", "3", /KRS3010 t:1/],
    ["a list", "[]", /KRS3010 t:1/],
    ["no clock", lines({ ...ROW, freq_mhz: undefined }), /KRS3010 t:1: freq_mhz/],
    ["a negative time", lines(ROW, { ...ROW, time_s: -1 }), /KRS3010 t:2: time_s/],
    ["no energy", lines({ ...ROW, energy_j: null }), /KRS3010 t:1: energy_j/],
    ["half an SM", lines({ ...ROW, sms: 0.5 }), /KRS3010 t:1: sms/],
    ["a slot by number", lines({ ...ROW, launch_slot: 3 }), /KRS3010 t:1: launch_slot/],
    ["a header in the middle", lines(ROW, HEADER), /KRS3010 t:2/],
    ["a broken header", lines({ ...HEADER, id: 3 }, ROW), /KRS2011 t:1: id/],
    ["a newer header", lines({ ...HEADER, version: 2 }, ROW), /KRS2004 t:1/],
    ["nothing", "\n", /KRS3011 t/],
    ["a header alone", lines(HEADER), /KRS3011 t/],
  ])("refuses %s", (_, text, problem) => {
    expect(() => readTable(text, "t")).toThrow(problem);
  });
});
