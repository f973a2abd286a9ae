import type { Rng } from "../../base/rng.js";
import type { Configuration } from "../../ir/configuration.js";
import type { Space } from "../space.js";
import type { Strategy } from "./strategy.js";

function nameOf({ freq_mhz, launch_slot, sms }: Configuration): string {
  return `${freq_mhz}/${sms}/${launch_slot ?? ""}`;
}

/**
 * The baselines' configurations, then the rest in uniformly random order, none twice. Indices are
 * shuffled lazily (a sparse Fisher-Yates): memory grows with what was drawn, not with the space.
 */
export function random(space: Space, rng: Rng): Strategy {
  const moved = new Map<number, number>();
  const given = new Set(space.baselines.map(nameOf));
  let from_baselines = 0;
  let drawn = 0;
  const draw = (): Configuration => {
    const pick = drawn + rng.integer(space.size - drawn);
    const index = moved.get(pick) ?? pick;
    moved.set(pick, moved.get(drawn) ?? drawn);
    moved.delete(drawn);
    drawn++;
    return space.at(index);
  };
  const ask = (count: number): Configuration[] => {
    const batch = space.baselines.slice(from_baselines, from_baselines + count);
    from_baselines += batch.length;
    while (batch.length < count && drawn < space.size) {
      const configuration = draw();
      if (!given.has(nameOf(configuration))) batch.push(configuration);
    }
    return batch;
  };
  return { ask, tell: () => {} };
}
