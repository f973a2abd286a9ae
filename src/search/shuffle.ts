import type { Rng } from "../base/rng.js";

/**
 * Draws the integers in [0, size) in uniformly random order, none twice; null when all are drawn.
 * A sparse Fisher-Yates: memory grows with what was drawn, not with the size.
 */
export function shuffled(size: number, rng: Rng): () => number | null {
  const moved = new Map<number, number>();
  let drawn = 0;
  return () => {
    if (drawn === size) return null;
    const pick = drawn + rng.integer(size - drawn);
    const index = moved.get(pick) ?? pick;
    moved.set(pick, moved.get(drawn) ?? drawn);
    moved.delete(drawn);
    drawn++;
    return index;
  };
}
