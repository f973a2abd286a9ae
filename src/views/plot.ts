import { stripVTControlCharacters } from "node:util";
import { scaleFor } from "../base/units.js";
import type { FrontierFile, FrontierPoint } from "../plan/frontier.js";
import { BASELINE_TITLES } from "./gains.js";

/** What a terminal can show. */
export interface Look {
  /** Columns. */
  readonly width: number;
  /** Whether it knows more than ASCII. */
  readonly unicode: boolean;
  /** Colours the marks of a series; the identity where there are no colours. */
  readonly paint: (series: number, text: string) => string;
}

interface Place {
  readonly time_s: number;
  readonly energy_j: number;
}

interface Series {
  readonly name: string;
  readonly mark: string;
  readonly points: readonly Place[];
}

const ROWS = 14;
/** Wider than this it is not read better; narrower it says nothing. */
const [NARROWEST, WIDEST] = [40, 100];

const SIGNS = {
  unicode: {
    marks: ["\u25cf", "\u25c6", "\u25a0", "\u25b2"],
    chosen: "\u25ce",
    side: "\u2502",
    foot: "\u2500",
    corner: "\u2514",
  },
  ascii: { marks: ["*", "x", "#", "^"], chosen: "O", side: "|", foot: "-", corner: "+" },
} as const;

/** Places that differ by a smaller share are one. */
const SAME = 1e-9;

/**
 * The frontier and its baselines, energy over time, as text; one mark where several would meet: the
 * chosen point's, else the frontier's, else the first baseline's. Empty where there is no room, and where
 * all is one point: a line of the table says more.
 */
export function frontierPlot(frontier: FrontierFile, look: Look, chosen?: FrontierPoint): string {
  const signs = look.unicode ? SIGNS.unicode : SIGNS.ascii;
  const named = [
    { name: "Searched", points: frontier.points },
    ...frontier.baselines.map(({ name, points }) => ({ name: BASELINE_TITLES[name], points })),
  ];
  const series: Series[] = named
    .map((each, index) => ({ ...each, mark: signs.marks[index % signs.marks.length] ?? "*" }))
    .filter(({ points }) => points.length > 0);
  const all = series.flatMap(({ points }) => points);
  const apart = (of: (place: Place) => number) =>
    Math.max(...all.map(of)) > Math.min(...all.map(of)) * (1 + SAME);
  const isOne =
    all.length === 0 || !(apart((each) => each.time_s) || apart((each) => each.energy_j));
  if (look.width < NARROWEST || isOne) return "";
  const energy = scaleOf(
    all.map(({ energy_j }) => energy_j),
    "J",
  );
  const time = scaleOf(
    all.map(({ time_s }) => time_s),
    "s",
  );
  const margin = Math.max(energy.low.length, energy.high.length) + 1;
  const columns = Math.min(look.width, WIDEST) - margin - 2;
  const grid: (string | null)[][] = Array.from({ length: ROWS }, () => Array(columns).fill(null));
  const put = ({ time_s, energy_j }: Place, text: string) => {
    const row = grid[ROWS - 1 - place(energy_j, energy, ROWS)];
    const column = place(time_s, time, columns);
    if (row !== undefined) row[column] = text;
  };
  // What is drawn last is seen.
  for (const [index, { points, mark }] of [...series.entries()].reverse()) {
    for (const point of points) put(point, look.paint(index, mark));
  }
  if (chosen !== undefined) put(chosen, look.paint(0, signs.chosen));
  const lines = grid.map((row, index) => {
    const label = index === 0 ? energy.high : index === ROWS - 1 ? energy.low : "";
    return `${label.padStart(margin - 1)} ${signs.side}${row.map((cell) => cell ?? " ").join("")}`;
  });
  const indent = " ".repeat(margin);
  const gap = " ".repeat(Math.max(1, columns - time.low.length - time.high.length));
  const key = series.map(({ name, mark }, index) => `${look.paint(index, mark)} ${name}`);
  if (chosen !== undefined) key.push(`${look.paint(0, signs.chosen)} point ${chosen.id}`);
  return [
    ...lines,
    `${indent}${signs.corner}${signs.foot.repeat(columns)}`,
    `${indent} ${time.low}${gap}${time.high}`,
    ...wrapped(key, look.width - margin - 1).map((l) => `${indent} ${l}`),
  ]
    .map((line) => line.trimEnd())
    .join("\n")
    .concat("\n");
}

interface Axis {
  readonly least: number;
  readonly most: number;
  /** Both ends with their unit. */
  readonly low: string;
  readonly high: string;
}

/** An axis spans at least this share of its largest value: what is nearly equal looks so. */
const LEAST_SPAN = 0.01;

function scaleOf(values: readonly number[], unit: string): Axis {
  const ends = [Math.min(...values), Math.max(...values)] as const;
  const more = Math.max(0, LEAST_SPAN * ends[1] - (ends[1] - ends[0])) / 2;
  const [least, most] = [ends[0] - more, ends[1] + more];
  const { divisor, unit: prefixed } = scaleFor(most, unit);
  const write = (value: number) => `${(value / divisor).toPrecision(4)} ${prefixed}`;
  return { least, most, low: write(least), high: write(most) };
}

/** Which of `cells` a value falls into; the ends lie in the first and the last. */
function place(value: number, { least, most }: Axis, cells: number): number {
  const share = most === least ? 0 : (value - least) / (most - least);
  return Math.min(cells - 1, Math.max(0, Math.round(share * (cells - 1))));
}

/** Entries side by side, as many as fit into a line; colours take no room. */
function wrapped(entries: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const entry of entries) {
    const last = lines.at(-1);
    const joined = last === undefined ? entry : `${last}   ${entry}`;
    if (last !== undefined && stripVTControlCharacters(joined).length <= width)
      lines[lines.length - 1] = joined;
    else lines.push(entry);
  }
  return lines;
}
