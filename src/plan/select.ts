import { refuse } from "../base/diagnostics/diagnostic.js";
import { emptyFrontier, noPointQualifies } from "../base/diagnostics/plan.js";
import { exactPoint, type FrontierFile, type FrontierPoint } from "./frontier.js";

/** How one point of a frontier is asked for. */
export type Selector =
  /** Least energy with time_s <= value. */
  | { readonly by: "deadline"; readonly time_s: number }
  /** Least energy, at most `percent` slower than the fastest point. */
  | { readonly by: "slowdown"; readonly percent: number }
  /** Fastest with energy_j <= value, of a whole replica. */
  | { readonly by: "energy-budget"; readonly energy_j: number }
  /** Fastest with average power <= value, of a whole replica. */
  | { readonly by: "power-cap"; readonly power_w: number }
  | { readonly by: "fastest" }
  | { readonly by: "cheapest" }
  /** Farthest below the chord between the fastest and the cheapest point, both axes normalised. */
  | { readonly by: "knee" }
  | { readonly by: "id"; readonly id: number };

type Points = readonly FrontierPoint[];

/** A slowdown goes through percent and back; this forgives the rounding of that trip. */
const PERCENT_TOLERANCE = 1e-9;

/**
 * The point that a selector asks for. Refuses (exit 1) with the nearest point when none qualifies.
 * @param where the frontier's name for diagnostics
 */
export function select(frontier: FrontierFile, selector: Selector, where: string): FrontierPoint {
  const points = frontier.points;
  const fastest = points[0];
  if (fastest === undefined) return refuse(emptyFrontier(where));
  switch (selector.by) {
    case "deadline":
      return cheapestWithin(points, selector.time_s, `--deadline ${selector.time_s}`);
    case "slowdown": {
      const limit = fastest.time_s * (1 + selector.percent / 100) * (1 + PERCENT_TOLERANCE);
      return cheapestWithin(points, limit, `--slowdown ${selector.percent}`);
    }
    case "energy-budget": {
      const demand = `--energy-budget ${selector.energy_j}`;
      return fastestUnder(points, (point) => point.energy_j, selector.energy_j, demand);
    }
    case "power-cap": {
      const demand = `--power-cap ${selector.power_w}`;
      return fastestUnder(points, (point) => point.average_power_w, selector.power_w, demand);
    }
    case "fastest":
      return fastest;
    case "cheapest":
      return leastBy(points, (point) => point.energy_j);
    case "knee":
      return knee(points);
    case "id": {
      const nearest = leastBy(points, (point) => Math.abs(point.id - selector.id));
      if (nearest.id !== selector.id)
        refuse(noPointQualifies(`--id ${selector.id}`, exactPoint(nearest)));
      return nearest;
    }
  }
}

/** The first point with the least value. `points` is not empty. */
function leastBy(points: Points, value: (point: FrontierPoint) => number): FrontierPoint {
  return points.reduce((best, point) => (value(point) < value(best) ? point : best));
}

function cheapestWithin(points: Points, time_s: number, demand: string): FrontierPoint {
  const inTime = points.filter((point) => point.time_s <= time_s);
  if (inTime.length > 0) return leastBy(inTime, (point) => point.energy_j);
  return refuse(noPointQualifies(demand, exactPoint(leastBy(points, (point) => point.time_s))));
}

function fastestUnder(
  points: Points,
  value: (point: FrontierPoint) => number,
  limit: number,
  demand: string,
): FrontierPoint {
  const allowed = points.filter((point) => value(point) <= limit);
  if (allowed.length > 0) return leastBy(allowed, (point) => point.time_s);
  return refuse(noPointQualifies(demand, exactPoint(leastBy(points, value))));
}

/** What one hardly notices: a plan this much slower is as fast. */
const AS_FAST = 0.01;

/**
 * The point to recommend: of least energy that is as fast as what runs today, to one percent; where no point is, or
 * nothing says how fast that is, the knee.
 */
export function advised(points: Points, today_s: number | null): FrontierPoint {
  const limit_s = today_s === null ? 0 : today_s * (1 + AS_FAST);
  const fast = points.filter(({ time_s }) => time_s <= limit_s);
  return fast.length > 0 ? leastBy(fast, ({ energy_j }) => energy_j) : knee(points);
}

/** Both ends lie on the chord; of equal points the faster wins, so two points give the faster. */
export function knee(points: Points): FrontierPoint {
  const times = points.map((point) => point.time_s);
  const energies = points.map((point) => point.energy_j);
  const fastest = Math.min(...times);
  const cheapest = Math.min(...energies);
  const timeRange = Math.max(...times) - fastest || 1;
  const energyRange = Math.max(...energies) - cheapest || 1;
  return leastBy(
    points,
    (point) => (point.time_s - fastest) / timeRange + (point.energy_j - cheapest) / energyRange,
  );
}
