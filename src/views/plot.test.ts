import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { FRONTIER } from "../../test/support/run.js";
import { frontierPlot, type Look } from "./plot.js";

const plain: Look = { width: 50, unicode: false, paint: (_, text) => text };

/** A frontier of the given places. */
const at = (...places: (readonly [number, number])[]) => ({
  ...FRONTIER,
  points: places.map(([time_s, energy_j], id) => ({
    ...{ id, time_s, energy_j, lower_bound_j: energy_j, average_power_w: 1, plan: "p" },
  })),
  baselines: [
    { name: "sequential-max-clock" as const, points: [{ time_s: 3, energy_j: 3000 }] },
    { name: "nanobatch-frequency" as const, points: [] },
  ],
});

describe("frontierPlot", () => {
  it("places the ends in the corners and says what they are", () => {
    const lines = frontierPlot(at([1, 2000], [2, 1000]), plain).split("\n");
    expect(lines[0]).toBe(`3.000 kJ |${" ".repeat(38)}x`);
    expect(lines[6]).toBe("         |*");
    expect(lines[13]).toBe(`1.000 kJ |${" ".repeat(19)}*`);
    expect(lines[14]).toBe(`         +${"-".repeat(39)}`);
    expect(lines[15]).toBe(`          1.000 s${" ".repeat(25)}3.000 s`);
    expect(lines.slice(16)).toEqual(["          * Searched   x Sequential, highest clock", ""]);
  });

  it("marks the chosen point, over all others", () => {
    const frontier = at([1, 2000], [2, 1000]);
    const plot = frontierPlot(frontier, plain, frontier.points[1]);
    expect(plot.split("\n")[13]).toBe(`1.000 kJ |${" ".repeat(19)}O`);
    expect(plot).toContain("O point 1");
  });

  it.each([40, 55, 80, 100, 300])(
    "keeps within %i columns, and within what can be read",
    (width) => {
      const plot = frontierPlot(at([1, 2000], [1.5, 1400], [2, 1000]), { ...plain, width });
      const widest = Math.max(...plot.split("\n").map((line) => line.length));
      expect(widest).toBeLessThanOrEqual(Math.min(width, 100));
      expect(widest).toBeGreaterThan(Math.min(width, 100) - 4);
    },
  );

  it("is nothing where there is no room or nothing to show", () => {
    expect(frontierPlot(at([1, 1]), { ...plain, width: 39 })).toBe("");
    expect(frontierPlot({ ...at(), baselines: [] }, plain)).toBe("");
  });

  it("is nothing of one point alone, and shows what is nearly equal as near", () => {
    expect(frontierPlot({ ...at([1, 1]), baselines: [] }, plain)).toBe("");
    expect(frontierPlot(at([3, 3000]), plain)).toBe("");
    const two = frontierPlot({ ...at([1, 1000.1], [1.0001, 1000]), baselines: [] }, plain);
    const lines = two.split("\n");
    expect([lines[0], lines[13]].map((line) => line?.slice(0, 9))).toEqual([
      " 1.005 kJ",
      "0.9950 kJ",
    ]);
    const marked = lines.slice(0, 14).flatMap((line, row) => (line.includes("*") ? [row] : []));
    expect(marked.every((row) => row === 6 || row === 7)).toBe(true);
    expect(lines[15]).toMatch(/0\.9950 s +1\.005 s/);
  });

  it("takes colours that take no room, and other signs where they are known", () => {
    const painted: Look = { ...plain, paint: (_, text) => `\u001b[34m${text}\u001b[39m` };
    const colourless = stripVTControlCharacters(frontierPlot(at([1, 2]), painted));
    expect(colourless).toBe(frontierPlot(at([1, 2]), plain));
    expect(frontierPlot(at([1, 2]), { ...plain, unicode: true })).toContain("\u25cf Searched");
  });
});
