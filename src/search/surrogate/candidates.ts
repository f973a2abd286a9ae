import { hot } from "../../base/need.js";
import type { Rng } from "../../base/rng.js";
import type { Space } from "../space.js";

/** Spaces up to this size are looked at whole; of larger ones this many candidates are drawn. */
const LISTED = 1500;
/** Draws for each wanted candidate before a space counts as used up. */
const PATIENCE = 20;

/** Candidates that were not asked for. A large space gives draws, and neighbours of `good` ones. */
export function freshCandidates(
  space: Space,
  rng: Rng,
  isFresh: (index: number) => boolean,
  good: readonly number[],
): readonly number[] {
  if (space.size <= LISTED) {
    return Array.from({ length: space.size }, (_, index) => index).filter(isFresh);
  }
  const found = new Set<number>();
  const add = (index: number) => {
    if (found.size < LISTED && isFresh(index)) found.add(index);
  };
  for (const near of good.flatMap(space.neighbours)) {
    add(near);
    space.neighbours(near).forEach(add);
  }
  for (let draw = 0; draw < PATIENCE * LISTED && found.size < LISTED; draw++) {
    add(rng.integer(space.size));
  }
  return [...found].sort((a, b) => a - b);
}

/** Draws that compete for each place of the design. */
const DRAWS = 20;

/**
 * Candidates far from each other and from those taken: of a few draws the farthest each time (best
 * candidate sampling, Mitchell 1991), which fills the space evenly at any number.
 */
export function spreadCandidates(
  space: Space,
  at: (index: number) => readonly number[],
  rng: Rng,
  taken: ReadonlySet<number>,
  count: number,
): readonly number[] {
  const places = [...taken].map(at);
  const chosen = new Set<number>();
  const apart = (a: readonly number[], b: readonly number[]) =>
    space.knobs.reduce((sum, { kind }, k) => {
      const difference = hot(a, k) - hot(b, k);
      return sum + (kind === "scale" ? difference ** 2 : difference === 0 ? 0 : 0.25);
    }, 0);
  for (let wanted = Math.min(count, space.size - taken.size); wanted > 0; wanted--) {
    let best: { index: number; distance: number } | null = null;
    for (let draw = 0; draw < DRAWS || best === null; draw++) {
      const index = rng.integer(space.size);
      if (taken.has(index) || chosen.has(index)) continue;
      const here = at(index);
      const distance = places.reduce((least, there) => Math.min(least, apart(here, there)), 1e9);
      if (best === null || distance > best.distance) best = { index, distance };
    }
    chosen.add(best.index);
    places.push(at(best.index));
  }
  return [...chosen];
}
