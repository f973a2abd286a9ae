import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "../support/paths.js";
import { pcie, perseusA40, perseusSxm } from "./clocks.js";
import type { DataSet, Errors, Method } from "./errors.js";
import { measuredRow, plannedFrontiers } from "./kareus.js";
import { overlapSweep } from "./overlap.js";
import { partitions } from "./partition.js";

/** What the model is held to, on points that were not fitted. Data sets that are absent skip. */

const FOLDER = join(ROOT, "../shared/data");

/** Mean and largest error in percent, time first. */
type Limits = readonly [readonly [number, number], readonly [number, number]];

const within = ({ mean_pct, max_pct }: Errors, [mean, most]: readonly [number, number]) => {
  expect(mean_pct).toBeLessThanOrEqual(mean);
  expect(max_pct).toBeLessThanOrEqual(most);
};

function row({ rows }: DataSet, name: string) {
  const found = rows.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no row ${name}`);
  const { by } = found;
  const of = (method: Method) => {
    const accuracy = by[method];
    if (accuracy === undefined) throw new Error(`${name} has no ${method}`);
    return accuracy;
  };
  return { of, by };
}

function holds(data: DataSet, name: string, [time, energy]: Limits): void {
  const model = row(data, name).of("model");
  within(model.time, time);
  within(model.energy, energy);
}

/** The model's mean error is below that of every rival. */
function beatsRivals(data: DataSet, name: string): void {
  const { of, by } = row(data, name);
  for (const rival of Object.keys(by).filter((method) => method !== "model") as Method[]) {
    for (const what of ["time", "energy"] as const) {
      expect(of("model")[what].mean_pct).toBeLessThan(of(rival)[what].mean_pct);
    }
  }
}

const NO_LIMIT = Number.POSITIVE_INFINITY;

/** Each workload is compiled and searched. */
const COMPILING = { timeout: 120_000 };

describe("curves over the clock", () => {
  const sxm = perseusSxm(FOLDER);
  test.skipIf(sxm === null)("A100-SXM stage profiles", () => {
    if (sxm === null) return;
    holds(sxm, "all", [
      [0.5, 2],
      [1.5, 4],
    ]);
    beatsRivals(sxm, "all");
    const throttled = "above 1290 MHz from below it";
    holds(sxm, throttled, [
      [1.2, NO_LIMIT],
      [2, NO_LIMIT],
    ]);
    beatsRivals(sxm, throttled);
    // What is aimed at where an overlapped partition is carried to another clock of its board.
    const carried = "900 MHz and up from 1290 MHz alone";
    holds(sxm, carried, [
      [3.5, NO_LIMIT],
      [3, NO_LIMIT],
    ]);
    beatsRivals(sxm, carried);
    expect(sxm.notes).toEqual([]);
  });

  const a40 = perseusA40(FOLDER);
  test.skipIf(a40 === null)("A40 stage profiles", () => {
    if (a40 === null) return;
    holds(a40, "forward", [
      [1, 2.5],
      [1.5, 3.5],
    ]);
    beatsRivals(a40, "forward");
    holds(a40, "backward", [
      [1.2, 3],
      [2.5, 6],
    ]);
    beatsRivals(a40, "backward");
    beatsRivals(a40, "forward, 5 other fours");
    beatsRivals(a40, "backward, 5 other fours");
    expect(a40.notes).toHaveLength(2);
    for (const note of a40.notes) expect(note).toContain("backward up to 990 MHz: time rises");
  });

  const sweep = pcie(FOLDER);
  test.skipIf(sweep === null)("A100-PCIe workloads", () => {
    if (sweep === null) return;
    holds(sweep, "14 workloads", [
      [1, 3],
      [1.5, 4],
    ]);
    beatsRivals(sweep, "14 workloads");
    holds(sweep, "throttled", [
      [0.8, NO_LIMIT],
      [1.2, NO_LIMIT],
    ]);
    const rejected = sweep.notes.map((note) => /^rejected ([^:]*):/.exec(note)?.[1]).sort();
    expect(rejected).toEqual([
      "gpt2_pbf16_b8_s128",
      "large_pbf16_b8_s128",
      "opt-1p3b_pbf16_b2_s128",
      "qwen2-1p5b_pbf16_b1_s128",
      "qwen2-1p5b_pbf16_b8_s128",
      "qwen2-1p5b_pbf16_b8_s4096",
    ]);
  });
});

const sweep = overlapSweep(FOLDER);
test.skipIf(sweep === null)("overlap sweep, fitted on a tenth", () => {
  if (sweep === null) return;
  holds(sweep, "all", [
    [1.2, NO_LIMIT],
    [0.8, NO_LIMIT],
  ]);
  beatsRivals(sweep, "all");
  const near = "time within 10 % of the least";
  holds(sweep, near, [
    [0.9, NO_LIMIT],
    [0.8, NO_LIMIT],
  ]);
  beatsRivals(sweep, near);
  const { time, energy } = sweep.regret_pct;
  expect(time.filter((regret) => regret <= 0.5).length).toBeGreaterThanOrEqual(9);
  expect(Math.max(...energy)).toBeLessThanOrEqual(2);
});

const partly = partitions(FOLDER);
test.skipIf(partly === null)("partitions of which a part was measured", () => {
  if (partly === null) return;
  const told = (name: string, time: number, energy: number) =>
    holds(partly, name, [
      [time, NO_LIMIT],
      [energy, NO_LIMIT],
    ]);
  told("A100 overlap sweep, a tenth told", 4, 1.5);
  told("A100 overlap sweep, a fifth told", 2, 1);
  told("simulated, a twentieth told", 2, 2.5);
  // Its voltages are not our board's, which energies at other clocks show.
  told("simulated, 1410 MHz told: all other clocks", 3.5, NO_LIMIT);
});

// Of the ten, the four that are quickest to search: `npm run validate` has them all.
test("planned frontiers of the small batches, from the graph and one number", COMPILING, () => {
  const planned = plannedFrontiers(FOLDER, ({ mbs, seq }) => mbs === 8 && seq === 4096);
  if (planned === null) return;
  holds(planned, "all others, M+P", [
    [6, 11],
    [4, 10],
  ]);
  beatsRivals(planned, "all others, M+P");
  holds(planned, "all, N+P", [
    [8, NO_LIMIT],
    [5, NO_LIMIT],
  ]);
  expect(planned.uncalibrated.spread_pct).toBeLessThanOrEqual(5);
});

test("the measured row", COMPILING, () => {
  const measured = measuredRow(FOLDER);
  if (measured === null) return;
  expect(measured.rows[0]?.points).toBe(9);
  within(measured.off, [3.5, 6.5]);
  beatsRivals(measured, "9 reductions");
});
