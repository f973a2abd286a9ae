import { expect, test } from "vitest";
import { forkRng } from "../base/rng.js";
import { expertPlacements } from "./experts.js";

const PLAIN = { ep: 2, copies: 0, capacity: null };

test("the busiest rank: in order, by load, and with the hottest expert copied", () => {
  const found = expertPlacements([[8, 4, 2, 2]], { ...PLAIN, copies: 2 });
  expect(found).toMatchObject([
    { placement: "in order", expert_load: 12 / 8, bound: 1 },
    { placement: "by load", expert_load: 10 / 8, bound: 1 },
    // Three copies of the first: 8/3, 8/3, 8/3, 4, 2, 2.
    {
      placement: "by load, copied",
      expert_load: expect.closeTo((4 + 8 / 3 + 2) / 8, 12),
      bound: 1,
    },
  ]);
  expect(found[1]?.experts).toEqual([
    [
      [0, 3],
      [1, 2],
    ],
  ]);
});

test("a hot expert is not split without copies: the bound says so", () => {
  const [, byLoad, copied] = expertPlacements([[30, 1, 1, 0]], { ...PLAIN, copies: 2 });
  expect([byLoad?.bound, copied?.bound]).toEqual([30 / 16, 1]);
});

test("a capacity cuts hot experts, and says what is dropped", () => {
  const [inOrder] = expertPlacements([[8, 4, 2, 2]], { ...PLAIN, capacity: 1.25 });
  expect(inOrder).toMatchObject({ expert_load: 9 / 6.5, dropped: 3 / 16 });
});

test("layers wait one after the other: the mean of their busiest ranks", () => {
  const [inOrder] = expertPlacements(
    [
      [3, 1],
      [1, 1],
    ],
    PLAIN,
  );
  expect(inOrder?.expert_load).toBe((1.5 + 1) / 2);
});

test("no placement of eight experts on two ranks is better than the bound, LPT within 4/3 of the best", () => {
  const rng = forkRng(0, "experts");
  const halves = Array.from({ length: 256 }, (_, bits) =>
    Array.from({ length: 8 }, (_, i) => ((bits >> i) & 1) === 1),
  ).filter((half) => half.filter(Boolean).length === 4);
  for (let round = 0; round < 50; round++) {
    const loads = Array.from({ length: 8 }, () => rng.uniform() ** 3);
    const total = loads.reduce((sum, load) => sum + load, 0);
    const best = Math.min(
      ...halves.map((half) => {
        const one = loads.reduce((sum, load, i) => sum + (half[i] ? load : 0), 0);
        return Math.max(one, total - one) / (total / 2);
      }),
    );
    const [, byLoad] = expertPlacements([loads], PLAIN);
    expect(byLoad?.bound).toBeLessThanOrEqual(best + 1e-12);
    expect(byLoad?.expert_load).toBeGreaterThanOrEqual(best - 1e-12);
    expect(byLoad?.expert_load).toBeLessThanOrEqual((best * 4) / 3);
  }
});
