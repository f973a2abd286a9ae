import { expect, test } from "vitest";
import { communicationAlone } from "./communication-alone.js";
import { atClock, type Sequence, sequenceTime } from "./sequence.js";

const plain = { class: "matmul", alone_s: 1, slowing: 0, share: 1, lag_s: 0, resume_s: 0 } as const;
const SEQUENCE: Sequence = {
  segments: [
    plain,
    { class: "memory", alone_s: 2, slowing: 10, share: 0.5, lag_s: 0.5, resume_s: 0.125 },
    plain,
  ],
  apart_s: 0.25,
  latency_s: 0,
  block_s: new Map([[512, 8]]),
  link_s: 0,
  sharpness: 1,
  contention: 0,
  clock_power: { matmul: 1, attention: 1, memory: 0.5, communication: 0 },
};
const SMS = 100;
const at = (first: number, last: number, sms = 4) => ({ first, last, sms, threads: 512 });

test("communication alone is the blocks' share, and no faster than the links", () => {
  expect(communicationAlone(SEQUENCE, at(0, 0))).toBe(2);
  expect(communicationAlone({ ...SEQUENCE, link_s: 3 }, at(0, 0, 1))).toBe(11);
  const sharp = { ...SEQUENCE, link_s: 3, sharpness: 50 };
  expect(communicationAlone(sharp, at(0, 0, 8))).toBeCloseTo(3, 6);
});

test("apart from all segments, everything follows everything", () => {
  expect(sequenceTime(SEQUENCE, at(-1, -1), SMS)).toBe(2 + 0.25 + 4);
});

test("a hand-worked window", () => {
  // Kernel 1 runs alone for the lag of 0.5 s. Its other 1.5 s take 1.4 times as long, 2.1 s, while
  // 2 s of communication at half its rate do 1.05 s; the 0.95 s left are waited for. Then resume.
  const expected = 1 + 0.5 + 2.1 + 0.95 + 0.125 + 1;
  expect(sequenceTime(SEQUENCE, at(1, 1), SMS)).toBeCloseTo(expected, 12);
});

test("the copy engine fills the links", () => {
  expect(communicationAlone({ ...SEQUENCE, link_s: 3 }, at(0, 0, 0))).toBe(3);
});

test("at a quarter of the clock each class slows by its own power", () => {
  const slow = atClock(SEQUENCE, 4);
  expect(slow.segments.map(({ alone_s }) => alone_s)).toEqual([4, 4, 4]);
  expect(slow.segments[1]?.lag_s).toBe(1);
  expect(slow.block_s).toEqual(SEQUENCE.block_s);
});

test("a window to the end waits for nothing afterwards", () => {
  // 0.95 s of communication beside the last kernel's 1 s.
  expect(sequenceTime(SEQUENCE, at(1, 2), SMS)).toBeCloseTo(1 + 0.5 + 2.1 + 1, 12);
});
