import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ProfileHeader } from "./header.js";
import { mergeProfiles } from "./merge.js";
import { poolBySetting } from "./pool.js";
import type { PartitionRecord } from "./records.js";

const header: ProfileHeader = {
  ...{ format: "kareus-profile", version: 1, id: "a", gpu: "g", driver: "580", note: "" },
  ...{ date: "2026-01-01", tool: "kareus", method: null },
};
const record = (changes: Partial<PartitionRecord> = {}): PartitionRecord => ({
  ...{ record: "partition", partition: "forward.0", launch_slot: null, order: null },
  ...{ freq_mhz: 900, sms: 4, source: "measured", time_s: 1, energy_j: 10 },
  ...{ time_s_std: null, energy_j_std: null, trials: 1, ...changes },
});

/** Records of one setting as one. */
function pool(records: readonly PartitionRecord[]): PartitionRecord {
  const [only, ...others] = poolBySetting(records);
  if (only === undefined || others.length > 0) throw new Error("not one setting");
  return only;
}

describe("pooling", () => {
  test("is what all trials together give", () => {
    const trials = fc.array(fc.double({ min: 1, max: 2, noNaN: true }), {
      minLength: 1,
      maxLength: 6,
    });
    const meanOf = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / list.length;
    const stdOf = (list: readonly number[]) =>
      Math.sqrt(meanOf(list.map((x) => (x - meanOf(list)) ** 2)));
    const asRecord = (list: readonly number[]) =>
      record({ time_s: meanOf(list), time_s_std: stdOf(list), trials: list.length });
    fc.assert(
      fc.property(trials, fc.array(trials, { minLength: 1, maxLength: 4 }), (first, rest) => {
        const groups = [first, ...rest].map(asRecord);
        fc.pre(new Set(groups.map((group) => JSON.stringify(group))).size === groups.length);
        const together = pool(groups);
        const all = [first, ...rest].flat();
        expect(together.trials).toBe(all.length);
        expect(together.time_s).toBeCloseTo(meanOf(all), 10);
        expect(together.time_s_std).toBeCloseTo(stdOf(all), 7);
      }),
      { seed: 2, numRuns: 200 },
    );
  });

  test("keeps energy where any record has it", () => {
    const together = pool([record({ energy_j: null }), record({ energy_j: 12 })]);
    expect(together).toMatchObject({ energy_j: 12, trials: 2 });
    expect(pool([record({ energy_j: null }), record({ energy_j: null })]).energy_j).toBeNull();
  });

  test("keeps settings and sources apart", () => {
    const all = [record(), record({ sms: 5 }), record({ source: "modelled" })];
    expect(poolBySetting(all)).toEqual(all);
    expect(poolBySetting([record(), record({ time_s: 3 })])).toMatchObject([
      { time_s: 2, time_s_std: 1, trials: 2 },
    ]);
  });
});

describe("merging", () => {
  const a = { header, records: [record(), record({ sms: 6, trials: 3 })] };
  const b = {
    header: { ...header, id: "b", driver: "570", date: "2026-02-01" },
    records: [record({ time_s: 3 }), record({ freq_mhz: 1200 })],
  };

  test("pools what both measured and keeps the rest; the order does not matter", () => {
    const merged = mergeProfiles([a, b], "kareus");
    expect(merged).toEqual(mergeProfiles([b, a], "kareus"));
    expect(merged.records).toHaveLength(3);
    expect(merged.records).toContainEqual(
      record({ time_s: 2, time_s_std: 1, energy_j_std: 0, trials: 2 }),
    );
    expect(merged.header).toMatchObject({
      ...{ gpu: "g", driver: null, date: "2026-02-01", method: null, note: "merged from a, b" },
    });
  });

  test("a profile twice counts once", () => {
    const [once, twice] = [mergeProfiles([a], "kareus"), mergeProfiles([a, a], "kareus")];
    expect(twice).toEqual(once);
  });

  test("the method is the least that all kept to", () => {
    const method = { window_s: 5, cooldown_s: 5, trials: 3, clocks: "locked" } as const;
    const weaker = { window_s: 1, cooldown_s: 9, trials: 5, clocks: "default" } as const;
    const merged = mergeProfiles(
      [
        { ...a, header: { ...header, method } },
        { ...b, header: { ...header, method: weaker } },
        { ...b, header },
      ],
      "kareus",
    );
    const least = { window_s: 1, cooldown_s: 5, trials: 3, clocks: "default" };
    expect(merged.header.method).toEqual(least);
  });

  test("profiles of different GPUs stay apart", () => {
    const other = { ...b, header: { ...b.header, gpu: "h" } };
    expect(() => mergeProfiles([a, other], "kareus")).toThrow(/KRS2031.*g, h/);
  });
});
