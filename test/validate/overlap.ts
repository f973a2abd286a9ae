import { existsSync } from "node:fs";
import { join } from "node:path";
import { forkRng } from "../../src/base/rng.js";
import { loadDevice } from "../../src/gpu/device.js";
import { deviation, mean } from "../../src/math/mean.js";
import { fitOverlap, type OverlapPoint } from "../reference/fit-overlap.js";
import { gaussianRegression } from "../reference/gaussian-regression.js";
import {
  readOverlapSweep,
  SWEEP_CLOCK_MHZ,
  SWEEP_FILE,
  SWEEP_PARTITION,
} from "../support/overlap-sweep.js";
import { accuracyOf, type Comparison, type DataSet, type Method, pooled } from "./errors.js";

const SEEDS = 10;
const FITTED_SHARE = 0.1;
const NEAR_OPTIMUM = 1.1;

/** How many of the best predicted schedules are then measured. */
const TRIED = { time: 5, energy: 10 } as const;

/** Regret in percent after measuring the best predicted schedules, by seed. */
export interface OverlapValidation extends DataSet {
  readonly regret_pct: { readonly time: readonly number[]; readonly energy: readonly number[] };
}

/** The points that are fitted, by chance. */
function chosen<T>(points: readonly T[], seed: number): T[] {
  const { uniform } = forkRng(seed, "overlap sweep");
  const order = points.map((point) => ({ point, key: uniform() })).sort((a, b) => a.key - b.key);
  return order.slice(0, Math.round(FITTED_SHARE * points.length)).map(({ point }) => point);
}

type Outcome = { readonly time_s: number; readonly energy_j: number };
type Quantity = (point: Outcome) => number;
const TIME: Quantity = ({ time_s }) => time_s;
const ENERGY: Quantity = ({ energy_j }) => energy_j;

/** What a rival knows of a schedule: where it starts and ends, logarithms of blocks and threads. */
const coordinates = ({ first, last, sms, threads }: OverlapPoint) => [
  first / 3,
  last / 3,
  Math.log(sms),
  Math.log2(threads),
];

/** Inverse squared distance: an interpolation that scattered points allow. */
function interpolated(
  fitted: readonly OverlapPoint[],
  value: Quantity,
  asked: OverlapPoint,
): number {
  let [sum, weights] = [0, 0];
  const at = coordinates(asked);
  for (const point of fitted) {
    const distance = coordinates(point).reduce((d, x, i) => d + (x - (at[i] as number)) ** 2, 0);
    const weight = 1 / distance;
    sum += weight * Math.log(value(point));
    weights += weight;
  }
  return Math.exp(sum / weights);
}

function processed(
  fitted: readonly OverlapPoint[],
  value: Quantity,
  asked: readonly OverlapPoint[],
) {
  const logs = fitted.map((point) => Math.log(value(point)));
  const centre = mean(logs);
  const left = logs.map((log) => log - centre);
  const means = gaussianRegression(
    fitted.map(coordinates),
    left,
    deviation(logs),
  )(asked.map(coordinates));
  return asked.map((_, i) => Math.exp(centre + (means[i] as number)));
}

function predictions(
  fitted: readonly OverlapPoint[],
  asked: readonly OverlapPoint[],
): Readonly<Record<Method, readonly Outcome[]>> {
  const device = loadDevice("a100-sxm4-80gb");
  const bench = { device, freq_mhz: SWEEP_CLOCK_MHZ, partition: SWEEP_PARTITION };
  const model = fitOverlap(fitted, bench);
  const both = (predict: (value: Quantity) => readonly number[]) => {
    const [times, energies] = [predict(TIME), predict(ENERGY)];
    return asked.map((_, i) => ({ time_s: times[i] as number, energy_j: energies[i] as number }));
  };
  return {
    model: model(asked, SWEEP_CLOCK_MHZ),
    interpolation: both((value) => asked.map((point) => interpolated(fitted, value, point))),
    "gaussian process": both((value) => processed(fitted, value, asked)),
    constant: both((value) => asked.map(() => mean(fitted.map(value)))),
  };
}

/** Percent that the best of those tried lies above the best of all. */
function regret(
  points: readonly OverlapPoint[],
  predicted: readonly Outcome[],
  value: Quantity,
  tried: number,
): number {
  const order = points.map((point, i) => ({ point, hope: value(predicted[i] as Outcome) }));
  const first = order.sort((a, b) => a.hope - b.hope).slice(0, tried);
  const least = (list: readonly OverlapPoint[]) => Math.min(...list.map(value));
  return (least(first.map(({ point }) => point)) / least(points) - 1) * 100;
}

/** The measured overlap sweep of the Kareus artifact: fitted on a tenth, ten times over. */
export function overlapSweep(folder: string): OverlapValidation | null {
  const file = join(folder, SWEEP_FILE);
  if (!existsSync(file)) return null;
  const points = readOverlapSweep(file);
  const fastest_s = Math.min(...points.map(TIME));
  const [all, near]: [Comparison[], Comparison[]] = [[], []];
  const regret_pct: { time: number[]; energy: number[] } = { time: [], energy: [] };
  for (let seed = 0; seed < SEEDS; seed++) {
    const fitted = chosen(points, seed);
    const by = predictions(fitted, points);
    const compared = (keep: (point: OverlapPoint) => boolean): Comparison => {
      const kept = points.flatMap((point, i) =>
        !fitted.includes(point) && keep(point) ? [i] : [],
      );
      const only = (list: readonly Outcome[]) => kept.map((i) => list[i] as Outcome);
      const entries = Object.entries(by).map(([method, list]) => [
        method,
        accuracyOf(only(list), only(points)),
      ]);
      return { name: `seed ${seed}`, points: kept.length, by: Object.fromEntries(entries) };
    };
    all.push(compared(() => true));
    near.push(compared(({ time_s }) => time_s <= NEAR_OPTIMUM * fastest_s));
    regret_pct.time.push(regret(points, by.model, TIME, TRIED.time));
    regret_pct.energy.push(regret(points, by.model, ENERGY, TRIED.energy));
  }
  const listed = (values: readonly number[]) => values.map((value) => value.toFixed(2)).join(" ");
  return {
    title: `Overlap sweep, A100, fitted on a random 10 %, ${SEEDS} times`,
    rows: [pooled("all", all), pooled("time within 10 % of the least", near)],
    notes: [
      `time regret in % after measuring the ${TRIED.time} best: ${listed(regret_pct.time)}`,
      `energy regret in % after measuring the ${TRIED.energy} best: ${listed(regret_pct.energy)}`,
    ],
    regret_pct,
  };
}
