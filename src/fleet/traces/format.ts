import type { TraceValues } from "../trace.js";
import type { Table } from "./csv-table.js";

/** What a file leaves open, as flags say it; null: not told. */
export interface TraceChoice {
  /** Parts of names that all must be among a row's own: which series of the file. */
  readonly series: readonly string[];
  readonly emissions: "direct" | "life-cycle" | null;
  readonly values: "actual" | "forecast" | null;
  /** What stands for values that are missing. */
  readonly missing: "hold" | "forecast" | null;
  /** The zone of local times. */
  readonly zone: string | null;
  /** Whether a stamp is where its interval starts or ends; null: as the format has it. */
  readonly stamp: "start" | "end" | null;
}

/** A row of a file: an interval and what it says; values are null where they are missing. */
export interface TraceRow {
  readonly line: number;
  /** On Unix time, or on the file's own seconds. */
  readonly start_s: number;
  /** Null: until the next row starts. */
  readonly end_s: number | null;
  readonly values: TraceValues | null;
  /** What may stand for values that are missing: the forecast beside them. */
  readonly otherwise: TraceValues | null;
  /** What tells the series that the row is of, the same number of names in every row. */
  readonly series: readonly string[];
}

/** The rows of a file, and what was settled to read them. */
interface TraceRows {
  readonly rows: readonly TraceRow[];
  /** Whether times are Unix time. */
  readonly dated: boolean;
  /** In words, for whoever reads the schedule. */
  readonly settled: readonly string[];
}

/** A kind of file that traces come in. */
export interface TraceFormat {
  readonly name: string;
  readonly recognises: (columns: readonly string[]) => boolean;
  readonly read: (table: Table, choice: TraceChoice) => TraceRows;
}

/** Nothing is known at a time. */
export const NO_VALUES: TraceValues = {
  carbon_g_per_kwh: null,
  price_per_kwh: null,
  power_w: null,
};
