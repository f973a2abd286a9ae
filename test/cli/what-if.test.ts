import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BIND, MINI } from "../support/bad-input.js";
import { kareus, temporaryFolder } from "../support/cli.js";

/** From a log measured on one GPU to plans for another, as a user would go. */

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const optimize = (out: string, ...flags: string[]) =>
  kareus(["optimize", MINI, ...BIND, "--points", "3", "--json", "--out", at(out), ...flags]);
const json = (...names: string[]) => JSON.parse(readFileSync(at(...names), "utf8"));

interface Row {
  readonly partition: string;
  readonly launch_slot: string | null;
  readonly freq_mhz: number;
  readonly sms: number;
  readonly time_s: number;
  readonly energy_j: number;
}

/** How much longer all of it takes on the board than modelled. */
const SLOWER = 1.3;
const LAST = 9;

test("measured on an A100, imported, asked of an H100", async () => {
  const a100 = await optimize("a100");
  expect(a100.status).toBe(0);
  const [, ...lines] = readFileSync(at("a100", "measurements.jsonl"), "utf8").trim().split("\n");
  const rows: Row[] = lines.map((line) => JSON.parse(line));
  const profiles = await Promise.all(
    [...new Set(rows.map(({ partition }) => partition))].map(async (key, i) => {
      const own = rows.filter((row) => row.partition === key && row.freq_mhz === 1410);
      const slots = [...new Set(own.flatMap(({ launch_slot }) => launch_slot ?? []))];
      const log = own.map(({ launch_slot, sms, freq_mhz, time_s, energy_j }) => {
        const start = launch_slot === null ? -1 : slots.indexOf(launch_slot);
        const window = { overlap_start: start, overlap_end: start < 0 ? -1 : LAST };
        return {
          freq: freq_mhz,
          ...window,
          sm: sms,
          block: 512,
          time_s: SLOWER * time_s,
          energy_j,
        };
      });
      writeFileSync(at(`${i}.log`), log.map((row) => `${JSON.stringify(row)}\n`).join(""));
      const named = slots.map((name, index) => `${name}=${index}`).join(",");
      const flags = ["--gpu", "a100-sxm4-40gb", "--partition", key, "--out", at(`${i}.jsonl`)];
      const slotFlags = named === "" ? [] : ["--slots", named];
      const run = await kareus(["profile", "import", at(`${i}.log`), ...flags, ...slotFlags]);
      expect([run.status, run.stderr]).toEqual([0, ""]);
      return at(`${i}.jsonl`);
    }),
  );
  const told = profiles.flatMap((profile) => ["--profile", profile]);
  const [bare, asked] = await Promise.all([
    optimize("bare", "--gpu", "h100-sxm"),
    optimize("asked", "--gpu", "h100-sxm", ...told),
  ]);
  expect(
    asked.stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).code),
  ).toContain("KRS2034");
  const { costs, points, gpu } = JSON.parse(asked.stdout);
  expect(gpu).toBe("h100-sxm");
  expect(costs.extrapolated).toBeGreaterThan(0);
  expect([costs.measured, costs.interpolated, costs.modelled]).toEqual([0, 0, 0]);
  expect(costs.profiles).toHaveLength(profiles.length);
  // What the A100 misses its model by, the H100 is expected to miss its own by.
  const ratio = points[0].time_s / JSON.parse(bare.stdout).points[0].time_s;
  expect(ratio).toBeGreaterThan(SLOWER - 0.06);
  expect(ratio).toBeLessThan(SLOWER + 0.06);
  // And no plan hides how little that is worth.
  const error = { time: 0.3, energy: 0.3 };
  for (const point of points) {
    expect(point.expected_error).toEqual(error);
    expect(json("asked", point.plan).expected_error).toEqual(error);
  }
  const chosen = await kareus(["select", at("asked"), "--fastest"]);
  expect(chosen.stdout).toContain("Expected error: 30% in time, 30% in energy.");
});
