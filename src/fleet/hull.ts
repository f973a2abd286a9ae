import { at } from "../base/need.js";

/** A step along a hull, from one of its corners to the next. */
export interface HullStep<Item> {
  readonly from: Item;
  readonly to: Item;
  /** Rise of y over x. */
  readonly slope: number;
}

/**
 * The steps of the lower convex hull of items in a plane, by ascending x: mixtures of neighbouring corners
 * reach the least y at every x between. Slopes ascend strictly.
 * @param items at least one, with x of their own
 */
export function lowerHull<Item>(
  items: readonly Item[],
  x: (item: Item) => number,
  y: (item: Item) => number,
): HullStep<Item>[] {
  const slope = (from: Item, to: Item) => (y(to) - y(from)) / (x(to) - x(from));
  const corners: Item[] = [];
  for (const item of items.toSorted((a, b) => x(a) - x(b))) {
    while (corners.length > 1) {
      const [before, last] = [at(corners, -2), at(corners, -1)];
      if (slope(before, last) < slope(last, item)) break;
      corners.pop();
    }
    corners.push(item);
  }
  return corners.slice(1).map((to, i) => {
    const from = at(corners, i);
    return { from, to, slope: slope(from, to) };
  });
}
