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

/** At most `count` of a list (two or more), evenly spread, both ends included. */
export function spread<T>(list: readonly T[], count: number): readonly T[] {
  if (list.length <= count) return list;
  const last = list.length - 1;
  const kept = new Set(
    Array.from({ length: count }, (_, i) => Math.round((i * last) / (count - 1))),
  );
  return list.filter((_, index) => kept.has(index));
}
