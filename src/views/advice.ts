import { frontierBeyond } from "../plan/beyond-gpus.js";
import type { FrontierFile } from "../plan/frontier.js";
import { advised, knee } from "../plan/select.js";
import { adviceSentence, type Rates } from "./bill.js";
import { rivalOf } from "./gains.js";

const A_YEAR: Rates = { iterations: null, price_per_kwh: null, gco2_per_kwh: null };

/**
 * Which point of a frontier to choose, and what that saves, with all that draws power where that is told; beside it
 * the knee where that is another.
 */
export function adviceLine(frontier: FrontierFile, rates: Rates = A_YEAR): readonly string[] {
  const whole = frontierBeyond(frontier, frontier.beyond_gpus ?? null);
  const rival = rivalOf(whole);
  if (rival === null || whole.points.length === 0) return [];
  const { dp } = frontier.parallelism;
  const [best, bend] = [advised(whole.points), knee(whole.points)];
  const slower = best === bend ? [] : [adviceSentence(bend, rival, dp, rates, false)];
  return [[adviceSentence(best, rival, dp, rates, true), ...slower].join(" ")];
}
