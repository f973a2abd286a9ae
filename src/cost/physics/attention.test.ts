import fc from "fast-check";
import { expect, test } from "vitest";
import { loadDevice } from "../../gpu/device.js";
import type { AttentionWork } from "../../ir/work.js";
import { flopsOf } from "../../ir/work.js";
import { attentionTime } from "./attention.js";

const device = loadDevice("h200");
const ALL = { freq_mhz: device.highest_clock_mhz, sms: device.sm_count };

const attention = (parts: Partial<AttentionWork>): AttentionWork => ({
  op: "attention",
  b: 8,
  heads: 16,
  kv_heads: 16,
  q_len: 4096,
  kv_len: 4096,
  head_dim: 128,
  causal: true,
  direction: "forward",
  dtype: "bfloat16",
  ...parts,
});
const rate = (work: AttentionWork) => flopsOf(work) / attentionTime(work, device, ALL);

test("small heads, short sequences and few blocks run at a lower rate", () => {
  const whole = rate(attention({}));
  expect(rate(attention({ head_dim: 64 })) / whole).toBeLessThan(0.8);
  expect(rate(attention({ b: 32, q_len: 1024, kv_len: 1024 })) / whole).toBeLessThan(0.8);
  expect(rate(attention({ b: 1, heads: 8, kv_heads: 8 })) / whole).toBeLessThan(0.8);
});

test("with nothing but products it runs at the device's rate", () => {
  const { attention: constants } = device;
  const plain = {
    ...device,
    attention: {
      ...constants,
      softmax_columns: 0,
      block_keys: { forward: 0, backward: 0 },
      tail: 0,
    },
  };
  const work = attention({ causal: false });
  const rounded = Math.ceil((8 * 16 * 32) / 132) / ((8 * 16 * 32) / 132);
  const reached = flopsOf(work) / attentionTime(work, plain, ALL);
  expect(reached / constants.forward_flop_per_s).toBeGreaterThan(1 / rounded);
  expect(reached / constants.forward_flop_per_s).toBeLessThanOrEqual(1 + 1e-12);
});

test("one block more than another never takes less, and no block runs in parts", () => {
  const size = fc.integer({ min: 1, max: 40 });
  fc.assert(
    fc.property(size, size, fc.boolean(), (b, blocks, causal) => {
      const work = attention({ b, heads: 1, kv_heads: 1, q_len: 128 * blocks, causal });
      const more = { ...work, b: b + 1 };
      const time_s = attentionTime(work, device, ALL);
      expect(attentionTime(more, device, ALL)).toBeGreaterThanOrEqual(time_s * (1 - 1e-12));
      const alone = attentionTime({ ...work, b: 1, q_len: 128, causal: false }, device, ALL);
      expect(attentionTime({ ...work, causal: false }, device, ALL)).toBeGreaterThanOrEqual(
        alone * (1 - 1e-12),
      );
    }),
    { seed: 5, numRuns: 200 },
  );
});
