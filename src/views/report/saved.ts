import { gzipSync } from "node:zlib";
import { at } from "../../base/need.js";
import type { DrawnPlans } from "./drawn-plans.js";

/** What a page holds of plans at most: characters, and instructions, which take time to write. */
const MOST = { characters: 450_000, instructions: 20_000 };

/**
 * Plans as the page saves them: gzipped, in base64, by the points' ids. From the point that is shown
 * first outwards, as many as fit.
 * @param textOf the text of the file of a point's plan
 */
export function savedPlans(
  ids: readonly number[],
  first: number,
  { held, instructions: each }: Pick<DrawnPlans, "held" | "instructions">,
  textOf: (id: number) => string,
): (string | null)[] {
  const saved = ids.map((): string | null => null);
  const outwards = ids.map((_, i) => i).sort((a, b) => Math.abs(a - first) - Math.abs(b - first));
  let left = MOST.characters;
  let instructions = 0;
  for (const index of outwards) {
    const id = at(ids, index);
    if (!held.has(id)) continue;
    instructions += each;
    if (instructions > MOST.instructions) break;
    const text = gzipSync(textOf(id), { level: 7 }).toString("base64");
    left -= text.length;
    if (left < 0) break;
    saved[index] = text;
  }
  return saved;
}
