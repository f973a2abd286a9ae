import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BIND, MINI } from "../support/bad-input.js";
import { codes, kareus, temporaryFolder } from "../support/cli.js";

const folder = temporaryFolder();

interface Frontier {
  readonly beyond_gpus?: unknown;
  readonly peak_power_w?: number;
  readonly baselines: readonly { readonly name: string; readonly least_peak_power_w?: number }[];
  readonly points: readonly {
    readonly time_s: number;
    readonly energy_j: number;
    readonly average_power_w: number;
  }[];
}

const peakIn = (simulation: string): number =>
  (JSON.parse(simulation) as { simulated: { peak_power_w: number } }).simulated.peak_power_w;

async function optimized(name: string, ...flags: string[]) {
  const out = join(folder, name);
  const layout = ["--tp", "2", "--pp", "2", "--microbatches", "4", "--points", "6"];
  const done = await kareus(["optimize", MINI, ...BIND, ...layout, ...flags, "--out", out]);
  const read = () => JSON.parse(readFileSync(join(out, "frontier.json"), "utf8")) as Frontier;
  return { done, read };
}

test("a lower power limit, a capped peak and a node's watts each change the frontier", async () => {
  const free = (await optimized("free")).read();
  const [fastest] = free.points;
  // Below twice what a stage draws, above what both draw on average.
  const peak_w = 1.45 * (fastest?.average_power_w ?? 0);
  const capped = (await optimized("peak", "--peak-power-w", String(peak_w))).read();
  expect(capped.peak_power_w).toBe(peak_w);
  for (const point of capped.points) expect(point.average_power_w).toBeLessThanOrEqual(peak_w);
  expect(capped.points[0]?.time_s).toBeGreaterThanOrEqual(fastest?.time_s ?? 0);
  const simulated = await kareus(["simulate", join(folder, "peak", "plans", "000.json"), "--json"]);
  expect(peakIn(simulated.stdout)).toBeLessThanOrEqual(peak_w * (1 + 1e-9));
  const ignoring = capped.baselines.filter((each) => each.least_peak_power_w !== undefined);
  expect(ignoring.map(({ name }) => name)).toEqual(["sequential-max-clock"]);
  expect(ignoring[0]?.least_peak_power_w).toBeGreaterThan(peak_w);
  const none = await optimized("none", "--peak-power-w", "10");
  expect([codes(none.done, "error"), none.done.status]).toEqual([["KRS4013"], 1]);

  const limited = (await optimized("limit", "--power-limit-w", "120")).read();
  expect(limited.points[0]?.time_s).toBeGreaterThanOrEqual(fastest?.time_s ?? 0);
  const above = await optimized("above", "--power-limit-w", "4000");
  expect([codes(above.done, "error"), above.done.status]).toEqual([["KRS2006"], 2]);

  const told = await optimized("node", "--node-power-w", "30000", "--pue", "1.2");
  expect(told.done.stdout).toMatch(/Of least energy so: point 0,/);
  expect(told.read().points).toEqual(free.points);
  const picked = await kareus(["select", join(folder, "node"), "--cheapest", "--json"]);
  expect(JSON.parse(picked.stdout).id).toBe(0);
}, 300_000);
