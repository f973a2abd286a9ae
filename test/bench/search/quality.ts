import { forkRng, type Rng } from "../../../src/base/rng.js";
import { cornerBeyond, hypervolume } from "../../../src/math/hypervolume.js";
import type { TableRow } from "../../../src/profile/table.js";
import { finish, startSearch } from "../../../src/search/loop.js";
import type { Space } from "../../../src/search/space.js";
import type { Strategy } from "../../../src/search/strategies/strategy.js";
import { searchTable, tableSpace } from "../../../src/search/table.js";
import { typicalPrior } from "../../../src/search/typical/prior.js";
import { boostedTreeSearch } from "../../reference/boosted-tree-search.js";
import { random } from "../../reference/random-search.js";

/** Where the curve is read. */
export const COUNTS = [28, 56, 84, 112, 150, 224] as const;
const MOST = 224;
export const STATIC_POWER_W = 85;

/** The batches of the reference; a table below its budget counts as a small partition. */
const referenceBatches = (size: number) =>
  size < MOST ? { initial: 48, batch: 16 } : { initial: 96, batch: 32 };

type Contender = (rows: readonly TableRow[], seed: number, budget?: number) => readonly number[];

/** The order in which a strategy evaluates the rows. */
function orderOf(
  rows: readonly TableRow[],
  seed: number,
  batch: number,
  make: (space: Space, rng: Rng) => Strategy,
): readonly number[] {
  const evaluate = (indices: readonly number[]) =>
    indices.map((index) => ({ ...(rows[index] as TableRow), index }));
  const strategy = make(tableSpace(rows), forkRng(seed, "bench"));
  const run = startSearch(strategy, evaluate, { budget: MOST, batch });
  finish(run);
  return run.observations.map(({ index }) => index);
}

const reference =
  (time_labels_per_s: number): Contender =>
  (rows, seed) => {
    const { initial, batch } = referenceBatches(rows.length);
    const options = { static_power_w: STATIC_POWER_W, initial, time_labels_per_s };
    return orderOf(rows, seed, batch, (space, rng) =>
      boostedTreeSearch(space, { ...options, rng }),
    );
  };

/** Who is compared. */
export const CONTENDERS: Readonly<Record<string, Contender>> = {
  random: (rows, seed) => orderOf(rows, seed, MOST, random),
  reference: reference(1),
  "reference, repaired": reference(1000),
  kareus: (rows, seed, budget = MOST) =>
    searchTable(rows, {
      budget,
      prior: typicalPrior(rows, STATIC_POWER_W) ?? undefined,
      seed,
      static_power_w: STATIC_POWER_W,
      converge: false,
    }).evaluated,
};

/**
 * Tight hypervolume of some rows, as a share of the whole table's: the corner is the nadir of the
 * table's frontier plus 10% of its range. Here alone the whole table is known.
 */
export function tightHypervolume(rows: readonly TableRow[], less_w: number) {
  const points = (some: readonly TableRow[]) => ({
    x: some.map(({ time_s }) => time_s),
    y: some.map(({ time_s, energy_j }) => energy_j - less_w * time_s),
  });
  const [x, y] = cornerBeyond(points(rows), 0.1);
  const whole = hypervolume(points(rows), x, y);
  return (indices: readonly number[]) =>
    hypervolume(points(indices.map((index) => rows[index] as TableRow)), x, y) / whole;
}
