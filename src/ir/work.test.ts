import { expect, it } from "vitest";
import { type AttentionWork, flopsOf } from "./work.js";

const attention = (more: Partial<AttentionWork>): AttentionWork => ({
  ...{ op: "attention", b: 1, heads: 1, kv_heads: 1, q_len: 400, kv_len: 400, head_dim: 1 },
  ...{ causal: true, direction: "forward", dtype: "bfloat16" },
  ...more,
});

it("counts the scores that a causal mask and a window leave, to within one key of each query", () => {
  for (const window of [1, 7, 128, 399]) {
    let pairs = 0;
    for (let query = 0; query < 400; query++) pairs += Math.min(query + 1, window);
    const counted = flopsOf(attention({ window })) / 4;
    expect(Math.abs(counted - pairs)).toBeLessThanOrEqual(400);
  }
  expect(flopsOf(attention({ window: 400 }))).toBe(flopsOf(attention({})));
  expect(flopsOf(attention({ window: 4000 }))).toBe(flopsOf(attention({})));
  expect(flopsOf(attention({ window: 100, causal: false }))).toBe(4 * 400 * 100);
});

it("counts the same of a window where context parallelism cuts the queries", () => {
  const whole = flopsOf(attention({ window: 128 }));
  expect(flopsOf(attention({ window: 128, q_len: 100 }))).toBe(whole / 4);
});
