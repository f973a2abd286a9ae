import { expect, test } from "vitest";
import { keyOf, type ProfileRecord } from "../../src/profile/records.js";
import { partHeldOut } from "./held-out.js";

const outcome = {
  freq_mhz: 1000,
  sms: null,
  source: "measured",
  time_s: 1,
  energy_j: null,
  time_s_std: null,
  energy_j_std: null,
  trials: 1,
} as const;

const product = (m: number): ProfileRecord => ({
  record: "kernel",
  ...keyOf({ op: "matmul", b: 1, m, n: 1, k: 1, dtype: "bfloat16" }),
  ...outcome,
});
const copy = (bytes_read: number): ProfileRecord => ({
  record: "kernel",
  ...keyOf({
    op: "memory",
    class: "other",
    bytes_read,
    bytes_written: 0,
    flops: 0,
    dtype: "bfloat16",
  }),
  ...outcome,
});

test("each kind is parted for itself, and every record is in one part", () => {
  const [a, b, c, d, e] = [product(1), product(2), copy(3), product(4), copy(5)];
  const { fitted, held } = partHeldOut([a, b, c, d, e]);
  expect(fitted).toEqual([b, e]);
  expect(held).toEqual([a, d, c]);
});
