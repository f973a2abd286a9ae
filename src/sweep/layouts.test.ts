import { expect, test } from "vitest";
import { combinations, countOf, type SweepLists } from "./layouts.js";

const LISTS: SweepLists = {
  bind: new Map([
    ["batch", [2, 4]],
    ["sequence", [128]],
  ]),
  tp: [1, 2],
  cp: [1],
  ep: [1],
  pp: [1, 2],
  dp: null,
  microbatches: null,
  recompute: ["none"],
  power_limit_w: [null],
};

const ANY = { gpus: null, global_batch: null, batch: "batch" };

test("every combination, with replicas and microbatches as they are left", () => {
  const all = combinations(LISTS, ANY);
  expect(all).toHaveLength(countOf(LISTS));
  expect(all.every(({ dp, pp, microbatches }) => dp === 1 && microbatches === 4 * pp)).toBe(true);
  const fixed = combinations(LISTS, { ...ANY, gpus: 4, global_batch: 16 });
  for (const { bind, tp, pp, dp, microbatches } of fixed) {
    expect(tp * pp * dp).toBe(4);
    expect((bind.get("batch") ?? 0) * dp * microbatches).toBe(16);
  }
  expect(fixed).toHaveLength(8);
});

test("what does not divide is no layout", () => {
  expect(combinations(LISTS, { ...ANY, gpus: 3 })).toHaveLength(2);
  expect(combinations(LISTS, { ...ANY, global_batch: 5 })).toHaveLength(0);
  const told = { ...LISTS, dp: [1, 2], microbatches: [2, 4] };
  const found = combinations(told, { ...ANY, global_batch: 8 });
  const samples = found.map(({ bind, dp, microbatches }) => {
    return (bind.get("batch") ?? 0) * dp * microbatches;
  });
  expect(new Set(samples)).toEqual(new Set([8]));
});
