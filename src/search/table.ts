import { at, hot, present } from "../base/need.js";
import { forkRng } from "../base/rng.js";
import { spread } from "../math/spread.js";
import type { SearchFile } from "../plan/search.js";
import type { Setting, TableRow } from "../profile/table.js";
import { convergence } from "./converged.js";
import { finish, startSearch } from "./loop.js";
import { promising } from "./promising.js";
import type { Knob, Space } from "./space.js";
import type { Observation, Strategy } from "./strategies/strategy.js";
import { FORETOLD, INFORMED, surrogate } from "./strategies/surrogate.js";
import type { PriorMean } from "./surrogate/cost-model.js";
import { frontOf, gather } from "./surrogate/seen.js";

/** A column of settings as numbers: themselves, or the order of their first appearance. */
interface Column {
  readonly knob: Knob;
  readonly values: readonly number[];
}

function columnOf(name: string, settings: readonly Setting[]): Column {
  const numbers = settings.filter((setting) => typeof setting === "number");
  if (numbers.length === settings.length) {
    const least = numbers.reduce((a, b) => Math.min(a, b));
    const most = numbers.reduce((a, b) => Math.max(a, b));
    return { knob: { name, kind: "scale", least, most }, values: numbers };
  }
  const places = new Map<Setting, number>();
  const values = settings.map((setting) => {
    const place = places.get(setting) ?? places.size;
    places.set(setting, place);
    return place;
  });
  return { knob: { name, kind: "choice" }, values };
}

/** Each row by its values, and each column's values in order: enough to step to a neighbour. */
function neighboursIn(columns: readonly Column[], size: number) {
  const features = (index: number) => columns.map(({ values }) => hot(values, index));
  const rows = new Map<string, number>();
  for (let index = 0; index < size; index++) rows.set(features(index).join(), index);
  const levels = columns.map(({ values }) => [...new Set(values)].sort((a, b) => a - b));
  return (index: number): readonly number[] => {
    const here = features(index);
    return here.flatMap((value, k) => {
      const steps = at(levels, k);
      const level = steps.indexOf(value);
      return [steps[level - 1], steps[level + 1]].flatMap((step) => {
        const row = step === undefined ? undefined : rows.get(here.with(k, step).join());
        return row === undefined ? [] : [row];
      });
    });
  };
}

/** The rows of a table as a space; knobs that never change are left out. */
export function tableSpace(rows: readonly Pick<TableRow, "settings">[]): Space {
  const names = [...new Set(rows.flatMap(({ settings }) => [...settings.keys()]))];
  const columns = names
    .map((name) =>
      columnOf(
        name,
        rows.map(({ settings }) => settings.get(name) ?? null),
      ),
    )
    .filter(({ values }) => values.some((value) => value !== values[0]));
  return {
    size: rows.length,
    knobs: columns.map(({ knob }) => knob),
    features: (index) => columns.map(({ values }) => hot(values, index)),
    neighbours: neighboursIn(columns, rows.length),
    first: [],
  };
}

/** Rows per batch: few, so that each batch knows what the one before it found. */
const BATCH = 8;
/** Rows that are one batch to the criterion of convergence. */
const JUDGED = 16;

/** What is expected of a table's rows before they are evaluated. */
export interface TablePrior {
  /** Whether it expects something of a row before anything was evaluated. */
  readonly foretells: boolean;
  /** Undefined while it expects nothing. */
  readonly cost: (index: number) => PriorMean | undefined;
  /** Takes evaluations in. */
  readonly learn: (observations: readonly Observation[]) => void;
}

interface TableSearchOptions {
  readonly budget: number;
  readonly seed: number;
  readonly static_power_w: number;
  /** Whether to stop when measuring no longer pays. */
  readonly converge: boolean;
  /** Learns from this search: one prior, one search. */
  readonly prior?: TablePrior | undefined;
}

/** Rows that a prior chooses to start with; what it gets wrong these few tell already. */
const HOPES = 4;

/** The surrogate; a prior tells it what to expect, and learns with it. */
function strategyFor(space: Space, { seed, static_power_w, prior }: TableSearchOptions): Strategy {
  const options = { rng: forkRng(seed, "search"), static_power_w };
  if (prior === undefined) return surrogate(space, options);
  const expected = (index: number) => present(prior.cost(index), "prior");
  const hopes = () =>
    prior.foretells ? spread(promising(space.size, expected, static_power_w), HOPES) : [];
  const informed = surrogate(space, {
    ...options,
    prior: prior.cost,
    hopes,
    beginning: prior.foretells ? FORETOLD : INFORMED,
  });
  return {
    ask: (count) => informed.ask(count),
    tell: (observations) => {
      prior.learn(observations);
      informed.tell(observations);
    },
  };
}

/**
 * Searches a table as if each row were a measurement: the cost of a row is read when the row is
 * evaluated, and not before. Settings alone are known of the others.
 */
export function searchTable(rows: readonly TableRow[], options: TableSearchOptions): SearchFile {
  const { budget, static_power_w, converge } = options;
  const space = tableSpace(rows);
  const strategy = strategyFor(space, options);
  const evaluate = (indices: readonly number[]) =>
    indices.map((index) => {
      const { time_s, energy_j } = at(rows, index);
      return { index, time_s, energy_j };
    });
  const converged = converge ? convergence(JUDGED, static_power_w) : undefined;
  const run = startSearch(strategy, evaluate, {
    budget,
    batch: BATCH,
    ...(converged && { converged }),
  });
  const stop = finish(run);
  const seen = gather((index) => space.features(index).join());
  for (const observation of run.observations) seen.add(observation);
  const means = seen.means();
  return {
    format: "kareus-search",
    version: 1,
    evaluated: run.observations.map(({ index }) => index),
    frontier: frontOf(means, 0).map((i) => at(means, i).index),
    stop,
  };
}
