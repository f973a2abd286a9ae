/** Relative errors of a prediction, in percent. */
export interface Errors {
  readonly mean_pct: number;
  readonly max_pct: number;
  /** Of each point, where these are known apart. */
  readonly each_pct?: readonly number[];
}

/** What one method says of time and energy. */
export interface Accuracy {
  readonly time: Errors;
  readonly energy: Errors;
}

/** The rivals of the model: what needs no knowledge of GPUs. */
export const METHODS = ["model", "interpolation", "gaussian process", "constant"] as const;
export type Method = (typeof METHODS)[number];

/** One line of a table: points that were not fitted, as each method predicts them. */
export interface Comparison {
  readonly name: string;
  readonly points: number;
  readonly by: Readonly<Partial<Record<Method, Accuracy>>>;
}

/** A table of the validation, and what must be known to read it. */
export interface DataSet {
  readonly title: string;
  readonly rows: readonly Comparison[];
  readonly notes: readonly string[];
}

interface Outcome {
  readonly time_s: number;
  readonly energy_j: number;
}

/** Mean and largest absolute relative error. */
export function errorsOf(predicted: ArrayLike<number>, measured: readonly number[]): Errors {
  const errors = measured.map((value, i) => Math.abs((predicted[i] as number) / value - 1) * 100);
  const sum = errors.reduce((total, error) => total + error, 0);
  return { mean_pct: sum / errors.length, max_pct: Math.max(...errors), each_pct: errors };
}

/** Errors of predictions against the measurements of the same order. */
export function accuracyOf(predicted: readonly Outcome[], measured: readonly Outcome[]): Accuracy {
  const times = (list: readonly Outcome[]) => list.map(({ time_s }) => time_s);
  const energies = (list: readonly Outcome[]) => list.map(({ energy_j }) => energy_j);
  return {
    time: errorsOf(times(predicted), times(measured)),
    energy: errorsOf(energies(predicted), energies(measured)),
  };
}

/** Several lines as one: the mean over all their points, the largest of all. */
export function pooled(name: string, rows: readonly Comparison[]): Comparison {
  const points = rows.reduce((sum, row) => sum + row.points, 0);
  const pool = (method: Method, what: "time" | "energy"): Errors => {
    const parts = rows.flatMap((row) => {
      const accuracy = row.by[method];
      return accuracy === undefined ? [] : [{ points: row.points, ...accuracy[what] }];
    });
    const sum = parts.reduce((total, part) => total + part.mean_pct * part.points, 0);
    const max_pct = Math.max(...parts.map((part) => part.max_pct));
    return { mean_pct: sum / points, max_pct, each_pct: parts.flatMap((p) => p.each_pct ?? []) };
  };
  const methods = METHODS.filter((method) => rows.every((row) => row.by[method] !== undefined));
  const by = Object.fromEntries(
    methods.map((method) => [
      method,
      { time: pool(method, "time"), energy: pool(method, "energy") },
    ]),
  );
  return { name, points, by };
}
