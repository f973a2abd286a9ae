import { parse } from "csv-parse/sync";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { malformedTrace } from "../../base/diagnostics/fleet.js";
import { byDefault } from "../../base/need.js";

/** A line of a table after its header. */
export interface TableRow {
  /** Of the file, counted from 1. */
  readonly line: number;
  /** By the columns' names as the file writes them; empty where the row is shorter. */
  readonly cell: (column: string) => string;
}

/** A file with a header. */
export interface Table {
  readonly where: string;
  readonly columns: readonly string[];
  readonly rows: readonly TableRow[];
}

interface Parsed {
  readonly record: Readonly<{ [column: string]: string }>;
  readonly info: { readonly lines: number };
}

/** Reads CSV that commas, semicolons or tabs separate, whichever the header has most of. Fails with KRS4401. */
export function readTable(text: string, where: string): Table {
  const records = parsed(text, where);
  const [first] = records;
  if (first === undefined) return fail(malformedTrace(where, 1, "nothing follows the header"));
  const rows = records.map(({ record, info }): TableRow => {
    const cells = new Map(Object.entries(record));
    return { line: info.lines, cell: (column) => byDefault(cells.get(column), "") };
  });
  return { where, columns: Object.keys(first.record), rows };
}

function parsed(text: string, where: string): Parsed[] {
  const [first = ""] = text.split(/\r?\n/, 1);
  const count = (delimiter: string) => first.split(delimiter).length;
  const delimiter = [",", ";", "\t"].reduce((a, b) => (count(b) > count(a) ? b : a));
  try {
    return parse<Parsed>(text, {
      bom: true,
      columns: true,
      delimiter,
      info: true,
      skip_empty_lines: true,
      trim: true,
    });
  } catch (cause) {
    if (!(cause instanceof Error) || !("lines" in cause)) throw cause;
    return fail(malformedTrace(where, Number(cause.lines), cause.message));
  }
}

/** A column's name without case, accents of units and runs of blanks: `CO₂eq` is `co2eq`. */
export function plainName(column: string): string {
  return column.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();
}

/** A finite number as files write it, thousands with commas; null: none. */
export function numberIn(text: string): number | null {
  const bare = /^-?\d{1,3}(,\d{3})+(\.\d+)?$/.test(text) ? text.replaceAll(",", "") : text;
  const value = bare === "" ? Number.NaN : Number(bare);
  return Number.isFinite(value) ? value : null;
}
