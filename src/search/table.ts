import type { Knob, Space } from "./space.js";

/** The value of a knob in a recorded row. */
export type Setting = number | string | boolean | null;

/** Rows of settings by knob. A knob that a row leaves out is null there. */
export type Settings = ReadonlyMap<string, Setting>;

/** A column of settings as numbers: themselves, or the order of their first appearance. */
interface Column {
  readonly knob: Knob;
  readonly values: readonly number[];
}

function columnOf(name: string, settings: readonly Setting[]): Column {
  const numbers = settings.filter((setting) => typeof setting === "number");
  if (numbers.length === settings.length) {
    const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
    return { knob: { name, kind: "scale", least, most }, values: numbers };
  }
  const places = new Map<Setting, number>();
  const values = settings.map((setting) => {
    const place = places.get(setting) ?? places.size;
    places.set(setting, place);
    return place;
  });
  return { knob: { name, kind: "choice" }, values };
}

/** The rows of a table as a space; knobs that never change are left out. */
export function tableSpace(rows: readonly Settings[]): Space {
  const names = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  const columns = names
    .map((name) =>
      columnOf(
        name,
        rows.map((row) => row.get(name) ?? null),
      ),
    )
    .filter(({ values }) => values.some((value) => value !== values[0]));
  const features = (index: number) => columns.map(({ values }) => values[index] as number);
  return {
    size: rows.length,
    knobs: columns.map(({ knob }) => knob),
    features,
    neighbours: () => [],
    first: [],
  };
}
