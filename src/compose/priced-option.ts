import { hot, hotFloat } from "../base/need.js";
import type { OptionSet } from "./network.js";

/** Which option costs least where time has a price: along the hull a second saves ever less, by halving. */
export function cheapestOption({ hull, time_s, dynamic_j }: OptionSet, price_w: number): number {
  let low = 0;
  let high = hull.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const fast = hot(hull, middle);
    const slow = hot(hull, middle + 1);
    const saved_j = hotFloat(dynamic_j, fast) - hotFloat(dynamic_j, slow);
    const more_s = hotFloat(time_s, slow) - hotFloat(time_s, fast);
    if (saved_j > price_w * more_s) low = middle + 1;
    else high = middle;
  }
  return hot(hull, low);
}

/** Dynamic energy and priced time of the option that costs least. */
export function leastCost(set: OptionSet, price_w: number): number {
  const option = cheapestOption(set, price_w);
  return hotFloat(set.dynamic_j, option) + price_w * hotFloat(set.time_s, option);
}
