import { unscaled } from "../base/units.js";

type Cell = string | number;

/** RFC 4180: a line of titles, a line for each row; one unit to a column, in its title, and plain numbers below. */
export function csvLines(titles: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  const columns = titles.map((title, i) =>
    inOneUnit(
      title,
      rows.map((row) => row[i]),
    ),
  );
  const lines = [
    columns.map(({ title }) => title),
    ...rows.map((_, row) => columns.map(({ cells }) => cells[row])),
  ];
  return lines.map((line) => line.map(quoted).join(","));
}

function quoted(value: Cell | undefined): string {
  const text = value === undefined ? "" : String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Nothing to tell. */
const ABSENT = "-";

/** A quantity, a percentage, or a clock in MHz. */
function read(cell: Cell | undefined): { readonly value: number; readonly unit: string } | null {
  const text = String(cell);
  const [, number, unit] = /^(-?[\d.]+)(?: (MHz)|%)$/.exec(text) ?? [];
  return number === undefined ? unscaled(text) : { value: Number(number), unit: unit ?? "%" };
}

/** A column whose cells all have one unit, whatever its prefix, as numbers of it; others as they are. */
function inOneUnit(title: string, cells: readonly (Cell | undefined)[]) {
  const there = cells.filter((cell) => cell !== ABSENT && cell !== "");
  const values = there.map(read);
  const [first] = values;
  if (first === undefined || first === null || values.some((each) => each?.unit !== first.unit)) {
    return { title, cells };
  }
  return { title: `${title} (${first.unit})`, cells: cells.map((cell) => read(cell)?.value) };
}
