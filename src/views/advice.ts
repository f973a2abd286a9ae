import { frontierBeyond } from "../plan/beyond-gpus.js";
import type { FrontierFile } from "../plan/frontier.js";
import { advised } from "../plan/select.js";
import { adviceSentence, type Rates } from "./bill.js";
import { rivalOf } from "./gains.js";

const A_YEAR: Rates = { iterations: null, price_per_kwh: null, gco2_per_kwh: null };

/** Which point of a frontier to choose, and what that saves, with all that draws power where that is told. */
export function adviceLine(frontier: FrontierFile, rates: Rates = A_YEAR): readonly string[] {
  const whole = frontierBeyond(frontier, frontier.beyond_gpus ?? null);
  const rival = rivalOf(whole);
  if (rival === null || whole.points.length === 0) return [];
  return [adviceSentence(advised(whole.points), rival, frontier.parallelism.dp, rates, true)];
}
