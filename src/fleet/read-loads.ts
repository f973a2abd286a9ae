import { z } from "zod";
import { fail } from "../base/diagnostics/diagnostic.js";
import { expertsUneven, malformedLoads } from "../base/diagnostics/fleet.js";
import { parseJson } from "../base/json.js";
import { at } from "../base/need.js";

const layer = z.array(z.number().nonnegative()).min(1);
const LOADS = z.union([layer.transform((only) => [only]), z.array(layer).min(1)]);

/**
 * Tokens that each expert was sent, by layer, from JSON: a list of numbers, or one list for each layer. Refuses
 * what is none, layers of different lengths and layers without tokens (KRS4418), and experts that ranks cannot
 * share evenly with their copies (KRS4419).
 */
export function readLoads(
  text: string,
  where: string,
  { ep, copies }: { readonly ep: number; readonly copies: number },
): readonly (readonly number[])[] {
  const parsed = LOADS.safeParse(parseJson(text));
  if (!parsed.success)
    return fail(malformedLoads(where, "neither a list of numbers nor a list of such lists"));
  const layers = parsed.data;
  const experts = at(layers, 0).length;
  const uneven = layers.findIndex(({ length }) => length !== experts);
  if (uneven !== -1)
    fail(
      malformedLoads(
        where,
        `layer ${uneven} has ${at(layers, uneven).length} experts, layer 0 has ${experts}`,
      ),
    );
  const idle = layers.findIndex((loads) => loads.every((load) => load === 0));
  if (idle !== -1) fail(malformedLoads(where, `layer ${idle} has no tokens`));
  if (experts % ep !== 0 || copies % ep !== 0) fail(expertsUneven(experts, copies, ep));
  return layers;
}
