/** How tables are written: for eyes, for spreadsheets, for documents. */
export type TableForm = "text" | "csv" | "markdown";

let form: TableForm = "text";

/** How this process writes its tables; the command line says so once, before any is written. */
export function tablesAs(chosen: TableForm): void {
  form = chosen;
}

/** The lines of what was written that tables alone are made of, if those are asked for alone. */
export function shownOf(text: string): string {
  if (form !== "csv") return text;
  const tables = text.split("\n").filter((line) => line.startsWith(CELL) || line === "");
  return tables
    .map((line) => line.slice(CELL.length))
    .join("\n")
    .replace(/^\n+/, "")
    .replace(/\n{2,}/g, "\n\n");
}

/** Begins each line of a table in CSV, until it is shown. */
export const CELL = "\u0000";

/** How tables are written now. */
export function tableForm(): TableForm {
  return form;
}
