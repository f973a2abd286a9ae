import { readFileSync } from "node:fs";

/** A row of a CSV file, by the names of its columns. A name that is no column throws. */
export interface CsvRow {
  readonly text: (column: string) => string;
  readonly number: (column: string) => number;
}

/** Rows of a CSV file with a header and no quotes, as the outside data are. */
export function readCsv(path: string): CsvRow[] {
  const [header = "", ...lines] = readFileSync(path, "utf8").trim().split(/\r?\n/);
  const columns = header.split(",");
  return lines.map((line) => {
    const fields = line.split(",");
    const text = (column: string) => {
      const field = fields[columns.indexOf(column)];
      if (field === undefined) throw new Error(`${path} has no column ${column}`);
      return field;
    };
    return { text, number: (column) => Number(text(column)) };
  });
}
