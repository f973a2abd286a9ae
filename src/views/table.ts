import Table from "cli-table3";

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

/** Aligned columns without borders or colours, one line per row, a newline at the end. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly (string | number)[])[],
): string {
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
