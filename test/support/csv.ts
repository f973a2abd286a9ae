import { readFileSync } from "node:fs";

/** A row of a CSV file, by the names of its columns. A name that is no column throws. */
export interface CsvRow {
  readonly text: (column: string) => string;
  readonly number: (column: string) => number;
}

/** The fields of a line; those with commas stand in quotes. */
function fieldsOf(line: string): string[] {
  const fields = line.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/);
  return fields.map((field) => field.replace(/^"(.*)"$/, "$1"));
}

/** Rows of a CSV file with a header, as the outside data are. */
export function readCsv(path: string): CsvRow[] {
  const [header = "", ...lines] = readFileSync(path, "utf8").trim().split(/\r?\n/);
  const columns = fieldsOf(header);
  return lines.map((line) => {
    const fields = fieldsOf(line);
    const text = (column: string) => {
      const field = fields[columns.indexOf(column)];
      if (field === undefined) throw new Error(`${path} has no column ${column}`);
      return field;
    };
    return { text, number: (column) => Number(text(column)) };
  });
}
