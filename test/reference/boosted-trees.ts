import { mean } from "../../src/math/mean.js";

/**
 * Gradient-boosted regression trees for squared error with the objective of XGBoost (Chen and
 * Guestrin 2016) and exact greedy splits. Split gains are in squared units of the labels, and a gain
 * below a fixed 1e-6 is refused, as XGBoost does: labels that are small numbers are hardly learnt.
 */

/** Settings of the reference: XGBoost's defaults. */
const DEPTH = 6;
const RATE = 0.3;
const ROUNDS = 100;
const LAMBDA = 1;
const LEAST_CHILD = 1;
const LEAST_GAIN = 1e-6;

type Row = readonly number[];

type Tree =
  | { readonly leaf: number }
  | {
      readonly feature: number;
      readonly threshold: number;
      readonly below: Tree;
      readonly above: Tree;
    };

interface Split {
  readonly gain: number;
  readonly feature: number;
  readonly threshold: number;
}

/** The best split of these rows on one feature; every row weighs 1. */
function splitOn(
  feature: number,
  rows: readonly Row[],
  residuals: Float64Array,
  some: readonly number[],
): Split | null {
  const value = (i: number) => rows[i]?.[feature] ?? 0;
  const sorted = some.toSorted((a, b) => value(a) - value(b));
  const score = (sum: number, count: number) => (sum * sum) / (count + LAMBDA);
  const total = some.reduce((sum, i) => sum + (residuals[i] as number), 0);
  const whole = score(total, some.length);
  let best: Split | null = null;
  let left = 0;
  for (let k = 1; k < sorted.length; k++) {
    const [before, after] = [sorted[k - 1] as number, sorted[k] as number];
    left += residuals[before] as number;
    if (value(before) === value(after)) continue;
    if (Math.min(k, sorted.length - k) < LEAST_CHILD) continue;
    const gain = score(left, k) + score(total - left, sorted.length - k) - whole;
    if (gain > LEAST_GAIN && gain > (best?.gain ?? 0)) {
      best = { gain, feature, threshold: (value(before) + value(after)) / 2 };
    }
  }
  return best;
}

function grow(
  rows: readonly Row[],
  residuals: Float64Array,
  some: readonly number[],
  depth: number,
): Tree {
  let best: Split | null = null;
  for (let feature = 0; depth > 0 && feature < (rows[0]?.length ?? 0); feature++) {
    const split = splitOn(feature, rows, residuals, some);
    if (split !== null && split.gain > (best?.gain ?? 0)) best = split;
  }
  if (best === null) {
    const sum = some.reduce((total, i) => total + (residuals[i] as number), 0);
    return { leaf: (RATE * sum) / (some.length + LAMBDA) };
  }
  const { feature, threshold } = best;
  const isBelow = (i: number) => (rows[i]?.[feature] ?? 0) < threshold;
  const side = (below: boolean) =>
    grow(
      rows,
      residuals,
      some.filter((i) => isBelow(i) === below),
      depth - 1,
    );
  return { feature, threshold, below: side(true), above: side(false) };
}

function leafOf(tree: Tree, row: Row): number {
  let node = tree;
  while (!("leaf" in node))
    node = (row[node.feature] ?? 0) < node.threshold ? node.below : node.above;
  return node.leaf;
}

/** Fits an ensemble to labels; returns its prediction. Training starts from the labels' mean. */
export function boostedTrees(
  rows: readonly Row[],
  labels: readonly number[],
): (row: Row) => number {
  const centre = mean(labels);
  const residuals = Float64Array.from(labels, (label) => label - centre);
  const all = rows.map((_, i) => i);
  const trees: Tree[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const tree = grow(rows, residuals, all, DEPTH);
    trees.push(tree);
    rows.forEach((row, i) => {
      residuals[i] = (residuals[i] as number) - leafOf(tree, row);
    });
  }
  return (row) => trees.reduce((sum, tree) => sum + leafOf(tree, row), centre);
}
