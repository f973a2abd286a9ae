import { createHash } from "node:crypto";

/** A stream of pseudo-random numbers; equal seeds give equal streams on every machine. */
export interface Rng {
  /** Uniform in [0, 1), 32 bits. */
  readonly uniform: () => number;
  /** Uniform integer in [0, below). */
  readonly integer: (below: number) => number;
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/**
 * The stream of one consumer: xoshiro128** (Blackman and Vigna), its state hashed from the seed and
 * the consumer's key. Streams of different keys do not depend on each other or on who asks first.
 */
export function forkRng(seed: number, key: string): Rng {
  const digest = createHash("sha256").update(`${seed}/${key}`).digest();
  let a = digest.readInt32LE(0);
  let b = digest.readInt32LE(4);
  let c = digest.readInt32LE(8);
  // The all-zero state is a fixed point.
  let d = digest.readInt32LE(12) | 1;
  const uniform = () => {
    const word = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return word / 2 ** 32;
  };
  return { uniform, integer: (below) => Math.floor(uniform() * below) };
}
