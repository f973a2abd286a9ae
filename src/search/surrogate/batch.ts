import { at } from "../../base/need.js";
import { expectedImprovement, type Guess } from "../../math/expected-hypervolume.js";
import { cornerBeyond } from "../../math/hypervolume.js";
import { expectedShortfall } from "../../math/normal.js";
import type { CostBelief, Forecast } from "./cost-model.js";
import type { Pass } from "./passes.js";
import type { Mean } from "./seen.js";

/** A trade-off of time and energy: its points, and the corner up to which area counts. */
interface TradeOff {
  readonly x: number[];
  readonly y: number[];
  readonly corner: { readonly x: number; readonly y: number };
}

/** How far the corner lies beyond the nadir, as a share of the frontier's range. */
const MARGIN = 0.1;

/** The corner follows what is measured and what is expected: neither end may be left out. */
function tradeOff(x: number[], y: number[], guesses: readonly Guess[]): TradeOff {
  const all_x = [...x, ...guesses.map((guess) => guess.x)];
  const all_y = [...y, ...guesses.map((guess) => guess.y)];
  const [corner_x, corner_y] = cornerBeyond({ x: all_x, y: all_y }, MARGIN);
  return { x, y, corner: { x: corner_x, y: corner_y } };
}

/** What a forecast is worth to a pass, given what was measured and imagined so far. */
type Score = (forecast: Forecast, candidate: number) => number;

/**
 * Fills a batch, candidate by candidate, each for the pass whose turn it is. Whoever was chosen is
 * imagined to be measured as expected, so that the next one looks elsewhere. The value of a
 * candidate is that of its measurement, noise included: a lucky measurement is what stays.
 */
export function fillBatch(
  belief: CostBelief,
  candidates: number,
  means: readonly Mean[],
  static_power_w: number,
  passes: readonly Pass[],
): readonly number[] {
  const forecasts = () => Array.from({ length: candidates }, (_, c) => belief.forecast(c));
  let now = forecasts();
  const times = means.map(({ time_s }) => time_s);
  const dynamic_j = means.map(({ time_s, energy_j }) => energy_j - static_power_w * time_s);
  const tradeOffs = {
    total: tradeOff(
      [...times],
      means.map(({ energy_j }) => energy_j),
      now.map(({ total }) => total),
    ),
    dynamic: tradeOff(
      [...times],
      dynamic_j,
      now.map(({ dynamic }) => dynamic),
    ),
  };
  const scoreOf = (pass: Pass): Score => {
    if (pass === "uncertainty") return (_, c) => belief.uncertainty(c);
    if (pass === "time") {
      const fastest = Math.min(...tradeOffs.total.x);
      return ({ total }) => expectedShortfall(fastest, total.x, total.deviation_x);
    }
    const { x, y, corner } = tradeOffs[pass];
    const improvement = expectedImprovement(x, y, corner);
    return (forecast) => improvement(forecast[pass]);
  };
  const chosen = new Set<number>();
  for (const pass of passes.slice(0, candidates)) {
    const score = scoreOf(pass);
    let best = -1;
    let most = Number.NEGATIVE_INFINITY;
    now.forEach((forecast, c) => {
      if (chosen.has(c)) return;
      const value = score(forecast, c);
      if (value > most) [best, most] = [c, value];
    });
    chosen.add(best);
    for (const kind of ["total", "dynamic"] as const) {
      const guess = at(now, best)[kind];
      tradeOffs[kind].x.push(guess.x);
      tradeOffs[kind].y.push(guess.y);
    }
    belief.imagine(best);
    now = forecasts();
  }
  return [...chosen];
}
