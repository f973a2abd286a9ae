import { byDefault } from "../base/need.js";
import { frontierBeyond } from "../plan/beyond-gpus.js";
import type { FrontierFile, FrontierPoint } from "../plan/frontier.js";
import { advised, knee } from "../plan/select.js";
import { adviceSentence, type Rates } from "./bill.js";
import { rivalOf } from "./gains.js";

const A_YEAR: Rates = { iterations: null, price_per_kwh: null, gco2_per_kwh: null };

/** The point to recommend, beside what runs without a plan; the frontier has points. */
export function advisedPoint(frontier: FrontierFile): FrontierPoint {
  return advised(frontier.points, byDefault(rivalOf(frontier)?.point.time_s, null));
}

/** A frontier with all that draws power, where the run was told. */
export function wholeFrontier(frontier: FrontierFile): FrontierFile {
  return frontierBeyond(frontier, byDefault(frontier.beyond_gpus, null));
}

/**
 * Which point of a frontier to choose, and what that saves, with all that draws power where that is told; beside it
 * the knee where that is another.
 */
export function adviceLine(frontier: FrontierFile, rates: Rates = A_YEAR): readonly string[] {
  const whole = wholeFrontier(frontier);
  const rival = rivalOf(whole);
  if (rival === null || whole.points.length === 0) return [];
  const { dp } = frontier.parallelism;
  const [best, bend] = [advisedPoint(whole), knee(whole.points)];
  const other = best.id === bend.id ? [] : [adviceSentence(bend, rival, dp, rates, "Or the knee,")];
  return [[adviceSentence(best, rival, dp, rates, "Choose"), ...other].join(" ")];
}
