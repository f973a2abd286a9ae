import { at } from "../../base/need.js";
import { scaleFor } from "../../base/units.js";
import type { FrontierFile } from "../../plan/frontier.js";
import { advisedPoint } from "../advice.js";
import { BASELINE_TITLES, headline, noGainSentence } from "../gains.js";
import type { Colour, Drawing, Picture } from "./picture.js";

const SIZE = { width: 595, height: 420 };
const PLOT = { left: 60, right: 575, bottom: 50, top: 330 };
/** Lines beyond these begin again. */
const COLOURS: readonly Colour[] = [
  [0.12, 0.4, 0.82],
  [0.42, 0.45, 0.5],
  [0.72, 0.34, 0.06],
  [0.07, 0.48, 0.36],
  [0.55, 0.22, 0.68],
  [0.76, 0.18, 0.36],
  [0.5, 0.44, 0.05],
];
/** Rows of the legend: where the first is, and how far apart they are. */
const LEGEND = { left: 24, first: 354, apart: 13 };
/** About how wide a character of the legend is. */
const CHARACTER = 4.3;
const INK = [0.11, 0.13, 0.15] as const;
const GRID = [0.87, 0.88, 0.9] as const;

interface Point {
  readonly time_s: number;
  readonly energy_j: number;
}

interface Line {
  readonly label: string;
  readonly points: readonly Point[];
}

/** A frontier and its baselines, with those of other runs where they are given, for papers and tickets. */
export function frontierPicture(
  frontier: FrontierFile,
  label = "Searched",
  others: readonly Line[] = [],
): Picture {
  const { graph, gpu, points, baselines } = frontier;
  const lines = [
    { label, points },
    ...baselines.map((each) => ({ label: BASELINE_TITLES[each.name], points: each.points })),
    ...others,
  ].filter((line) => line.points.length > 0);
  const legend = legendOf(lines);
  const top = PLOT.top - (LEGEND.first - at(legend, -1).y);
  const all: readonly Point[] = lines.flatMap((line) => line.points);
  const time = axisOf(
    all.map(({ time_s }) => time_s),
    "s",
  );
  const energy = axisOf(
    all.map(({ energy_j }) => energy_j),
    "J",
  );
  const x = (value: number) => place(value, time, PLOT.left, PLOT.right);
  const y = (value: number) => place(value, energy, PLOT.bottom, top);
  const title = `${graph.name} on ${gpu}`;
  const paint = (draw: Drawing) => {
    draw.text(20, 392, 15, INK, title);
    const said = noGainSentence(frontier) ?? headline(frontier)?.sentence;
    if (said !== undefined) draw.text(20, 374, sizeOf(said), INK, said);
    axes(draw, top, { time, energy }, { x, y });
    // The first is drawn last: what was searched lies on top.
    for (const [index, line] of [...lines.entries()].reverse()) {
      const colour = at(COLOURS, index % COLOURS.length);
      draw.line(
        colour,
        1.2,
        line.points.map((point) => [x(point.time_s), y(point.energy_j)]),
      );
      for (const point of line.points) draw.dot(colour, x(point.time_s), y(point.energy_j), 2.2);
      const entry = at(legend, index);
      draw.dot(colour, entry.x, entry.y, 3);
      draw.text(entry.x + 7, entry.y - 3, 9, INK, line.label);
    }
    if (points.length === 0) return;
    const chosen = advisedPoint(frontier);
    draw.ring(INK, x(chosen.time_s), y(chosen.energy_j), 5);
    draw.text(x(chosen.time_s) - 44, y(chosen.energy_j) - 14, 9, INK, `point ${chosen.id}`);
  };
  return { ...SIZE, title, draw: paint };
}

/** Of a line as long as the picture is wide, 10 at most. */
function sizeOf(text: string): number {
  return Math.min(10, (SIZE.width - 40) / (0.49 * text.length));
}

/** Where the legend names each line: side by side, in as many rows as that takes. */
function legendOf(lines: readonly Line[]): { readonly x: number; readonly y: number }[] {
  let [x, y] = [LEGEND.left, LEGEND.first];
  return lines.map(({ label }) => {
    const width = 25 + CHARACTER * label.length;
    if (x > LEGEND.left && x + width > SIZE.width) [x, y] = [LEGEND.left, y - LEGEND.apart];
    const place = { x, y };
    x += width;
    return place;
  });
}

interface Axis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
  readonly divisor: number;
  readonly unit: string;
}

/** An axis from below the least to above the largest value, with about five round ticks. */
function axisOf(values: readonly number[], unit: string): Axis {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const range = most - least || Math.abs(most) || 1;
  const rough = range / 5;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = size * ([1, 2, 5, 10].find((each) => each * size >= rough) ?? 10);
  const first = Math.floor(least / step);
  const count = Math.ceil(most / step) - first;
  const ticks = Array.from({ length: count + 1 }, (_, i) => (first + i) * step);
  const scale = scaleFor(most, unit);
  return { low: first * step, high: (first + count) * step, ticks, ...scale };
}

function place(value: number, { low, high }: Axis, from: number, to: number): number {
  return high === low ? (from + to) / 2 : from + ((value - low) / (high - low)) * (to - from);
}

function axes(
  draw: Drawing,
  top: number,
  { time, energy }: Readonly<Record<"time" | "energy", Axis>>,
  { x, y }: Readonly<Record<"x" | "y", (value: number) => number>>,
): void {
  const written = (value: number, { divisor }: Axis) =>
    String(Number((value / divisor).toPrecision(4)));
  for (const tick of time.ticks) {
    draw.line(GRID, 0.5, [
      [x(tick), PLOT.bottom],
      [x(tick), top],
    ]);
    draw.text(x(tick) - 8, PLOT.bottom - 14, 9, INK, written(tick, time));
  }
  for (const tick of energy.ticks) {
    draw.line(GRID, 0.5, [
      [PLOT.left, y(tick)],
      [PLOT.right, y(tick)],
    ]);
    draw.text(PLOT.left - 34, y(tick) - 3, 9, INK, written(tick, energy));
  }
  draw.text((PLOT.left + PLOT.right) / 2 - 40, 16, 10, INK, `iteration time (${time.unit})`);
  draw.text(14, top + 9, 10, INK, `energy (${energy.unit})`);
}
