import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { forkRng } from "./rng.js";

/** xoshiro128** as its authors state it, on 32-bit words held in BigInt. */
function* reference(seed: number, key: string): Generator<number> {
  const digest = createHash("sha256").update(`${seed}/${key}`).digest();
  const word = (x: bigint) => BigInt.asUintN(32, x);
  const rotate = (x: bigint, k: bigint) => word((x << k) | (x >> (32n - k)));
  let [a, b, c, d] = [0, 4, 8, 12].map((i) => BigInt(digest.readUInt32LE(i))) as [
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  d |= 1n;
  for (;;) {
    yield Number(word(rotate(word(b * 5n), 7n) * 9n)) / 2 ** 32;
    const shifted = word(b << 9n);
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11n);
  }
}

test("the stream is xoshiro128**", () => {
  const rng = forkRng(7, "fwd.0123456789ab");
  const expected = reference(7, "fwd.0123456789ab");
  for (let i = 0; i < 1000; i++) expect(rng.uniform()).toBe(expected.next().value);
});

test("streams differ by seed and by key", () => {
  const first = [forkRng(0, "a"), forkRng(0, "b"), forkRng(1, "a")].map((rng) => rng.uniform());
  expect(new Set(first).size).toBe(3);
});

test("integers are uniform", () => {
  const rng = forkRng(0, "integers");
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const value = rng.integer(10);
    counts[value] = (counts[value] ?? 0) + 1;
  }
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
});
