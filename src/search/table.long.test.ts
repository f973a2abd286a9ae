import { describe, expect, test } from "vitest";
import type { Setting, TableRow } from "../profile/table.js";
import { searchTable, tableSpace } from "./table.js";

/** Any row: time falls with clock and SMs until they are enough, dynamic energy rises with the clock. */
function row(freq_mhz: number, sms: number, launch_slot: string | null, noise = 1): TableRow {
  const settings = new Map<string, Setting>([
    ["freq_mhz", freq_mhz],
    ["launch_slot", launch_slot],
    ["sms", sms],
  ]);
  const late = launch_slot === null ? 1.2 : 1;
  const time_s = late * Math.max(1.4 / freq_mhz, 0.02 / sms) * noise;
  return { settings, time_s, energy_j: 85 * time_s + 0.1 * (freq_mhz / 900) ** 3 };
}

const CLOCKS = Array.from({ length: 18 }, (_, i) => 1410 - 30 * i);
const ROWS = CLOCKS.flatMap((freq_mhz) =>
  [3, 6, 9, 12, 15, 18].flatMap((sms) => [row(freq_mhz, sms, "norm_0"), row(freq_mhz, sms, null)]),
);
const OPTIONS = { budget: 64, seed: 0, static_power_w: 85, converge: false };

describe("the space of a table", () => {
  test("knobs that vary: numbers are scales, words are choices by first appearance", () => {
    const space = tableSpace(ROWS);
    expect(space.knobs).toEqual([
      { name: "freq_mhz", kind: "scale", least: 900, most: 1410 },
      { name: "launch_slot", kind: "choice" },
      { name: "sms", kind: "scale", least: 3, most: 18 },
    ]);
    expect(space.features(1)).toEqual([1410, 1, 3]);
    expect(tableSpace(ROWS.slice(0, 2)).knobs.map(({ name }) => name)).toEqual(["launch_slot"]);
  });

  test("neighbours differ in one knob by one step", () => {
    const space = tableSpace(ROWS);
    const near = space.neighbours(14).map(space.features);
    expect(near).toEqual(
      expect.arrayContaining([
        [1410, 0, 6],
        [1350, 0, 6],
        [1380, 1, 6],
        [1380, 0, 3],
        [1380, 0, 9],
      ]),
    );
    expect(near).toHaveLength(5);
  });
});

describe("searching a table", () => {
  test("the same seed gives the same search, a smaller budget its beginning", () => {
    const long = searchTable(ROWS, OPTIONS);
    expect(searchTable(ROWS, OPTIONS)).toEqual(long);
    expect(long.stop).toBe("budget");
    expect(new Set(long.evaluated).size).toBe(64);
    const short = searchTable(ROWS, { ...OPTIONS, budget: 40 });
    expect(short.evaluated).toEqual(long.evaluated.slice(0, 40));
    expect(searchTable(ROWS, { ...OPTIONS, seed: 1 }).evaluated).not.toEqual(long.evaluated);
  });

  test("costs of rows that are not evaluated are never read", () => {
    const known = new Set(searchTable(ROWS, OPTIONS).evaluated);
    const sealed = ROWS.map((open, index): TableRow => {
      const read = (value: number) => {
        if (!known.has(index)) throw new Error(`row ${index} was read`);
        return value;
      };
      return {
        settings: open.settings,
        get time_s() {
          return read(open.time_s);
        },
        get energy_j() {
          return read(open.energy_j);
        },
      };
    });
    expect(searchTable(sealed, OPTIONS)).toEqual(searchTable(ROWS, OPTIONS));
  });

  test("the frontier is found: every clock at the fewest SMs that are enough", () => {
    const found = searchTable(ROWS, { ...OPTIONS, budget: 112 });
    const best = found.frontier.map((index) => ROWS[index] as TableRow);
    const times = best.map(({ time_s }) => time_s);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times[0]).toBe(Math.min(...ROWS.map(({ time_s }) => time_s)));
    const least = Math.min(...ROWS.map(({ energy_j }) => energy_j));
    expect(best.at(-1)?.energy_j).toBe(least);
  });

  test("a table smaller than the budget is exhausted; one that pays no more is converged", () => {
    const small = searchTable(ROWS.slice(0, 10), OPTIONS);
    expect(small.stop).toBe("exhausted");
    expect([...small.evaluated].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const ended = searchTable(ROWS, { ...OPTIONS, budget: 216, converge: true });
    expect(ended.stop).toBe("converged");
    expect(ended.evaluated.length).toBeLessThan(160);
  });

  test("repeated measurements of a configuration are averaged", () => {
    const rows = [
      row(1410, 3, null),
      row(1410, 3, null, 3),
      row(1200, 3, null),
      row(900, 18, null),
    ];
    const found = searchTable(rows, OPTIONS);
    expect(found.stop).toBe("exhausted");
    expect(found.evaluated).toHaveLength(4);
    // 1410 MHz once took three times as long: its mean is dominated by 1200 MHz.
    expect(found.frontier).not.toContain(0);
    expect(found.frontier).not.toContain(1);
  });

  test("a result too good to be true is challenged by its other record before it counts", () => {
    const rows = [...ROWS, ...ROWS];
    const options = { ...OPTIONS, budget: 48 };
    // The first evaluations do not depend on costs, so this one is sure to be met.
    const wrong = searchTable(rows, options).evaluated[5] as number;
    const honest = (wrong + ROWS.length) % rows.length;
    const { settings } = rows[wrong] as TableRow;
    rows[wrong] = { settings, time_s: 1e-4, energy_j: 0.02 };
    const { evaluated } = searchTable(rows, options);
    expect(evaluated[5]).toBe(wrong);
    expect(evaluated.slice(0, 40)).toContain(honest);
  });

  test.each([
    ["one row", ROWS.slice(0, 1)],
    ["equal rows", Array.from({ length: 30 }, () => row(1410, 3, null))],
    ["no dynamic energy", ROWS.map((each) => ({ ...each, energy_j: 85 * each.time_s }))],
    [
      "less energy than static",
      ROWS.map((each, i) => ({ ...each, energy_j: (40 + (i % 7)) * each.time_s })),
    ],
    [
      "wild costs",
      ROWS.map((each, i) => ({ ...each, time_s: 10 ** ((i * 7919) % 13), energy_j: 1e-9 })),
    ],
  ])("survives %s", (_, rows) => {
    const found = searchTable(rows, { ...OPTIONS, budget: 48 });
    expect(new Set(found.evaluated).size).toBe(Math.min(48, rows.length));
    expect(found.frontier.length).toBeGreaterThan(0);
  });
});
