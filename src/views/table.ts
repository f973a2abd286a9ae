import Table from "cli-table3";
import { spread } from "../math/spread.js";
import { csvLines } from "./csv.js";
import { CELL, type TableForm, tableForm } from "./table-form.js";

const NO_BORDERS = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** A column: its title and the side its values lean to (numbers right). */
export type Column = readonly [title: string, side: "left" | "right"];

type Rows = readonly (readonly (string | number)[])[];

const WRITERS: Readonly<Record<TableForm, (columns: readonly Column[], rows: Rows) => string>> = {
  text: aligned,
  csv: separated,
  markdown: piped,
};

/** Rows for a table: evenly spread over a list for eyes, all of it for spreadsheets. */
export function shownRows<T>(list: readonly T[], most: number): readonly T[] {
  return tableForm() === "csv" ? list : spread(list, most);
}

/** Columns of values, one line per row, a newline at the end; aligned without borders or colours in text. */
export function table(columns: readonly Column[], rows: Rows): string {
  return WRITERS[tableForm()](columns, rows);
}

function aligned(columns: readonly Column[], rows: Rows): string {
  const grid = new Table({
    head: columns.map(([title]) => title),
    colAligns: columns.map(([, side]) => side),
    chars: NO_BORDERS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const row of rows) grid.push([...row]);
  const lines = grid.toString().split("\n");
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

function separated(columns: readonly Column[], rows: Rows): string {
  const titles = columns.map(([title]) => title);
  return `${csvLines(titles, rows)
    .map((line) => CELL + line)
    .join("\n")}\n`;
}

/** GitHub's tables. */
function piped(columns: readonly Column[], rows: Rows): string {
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;
  const rule = columns.map(([, side]) => (side === "right" ? "---:" : "---"));
  const titles = columns.map(([title]) => title);
  return `\n${[titles, rule, ...rows].map(line).join("\n")}\n\n`;
}
