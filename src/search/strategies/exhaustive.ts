import type { Configuration } from "../../ir/configuration.js";
import type { Space } from "../space.js";
import type { Strategy } from "./strategy.js";

/** Every configuration, in the space's order. */
export function exhaustive(space: Space): Strategy {
  let next = 0;
  const ask = (count: number): Configuration[] => {
    const first = next;
    next = Math.min(space.size, first + count);
    return Array.from({ length: next - first }, (_, i) => space.at(first + i));
  };
  return { ask, tell: () => {} };
}
