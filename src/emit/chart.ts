// In one file: the parts of echarts are hundreds of files, and take ten times as long to load.
import { init } from "echarts/dist/echarts.esm.min.mjs";
import { scaleFor } from "../base/units.js";
import type { FrontierFile } from "../plan/frontier.js";

/** Names of the series in the legend; the page's style sheet gives colour `--series-N`. */
const SERIES_NAMES: Readonly<Record<string, string>> = {
  "sequential-max-clock": "Sequential, highest clock",
  "sequential-frequency": "Sequential, frequency scaling",
  "nanobatch-frequency": "Nanobatched, frequency scaling",
};
const SYMBOLS = ["circle", "diamond", "rect", "triangle"];

interface ChartSize {
  readonly width: number;
  readonly height: number;
  /** Distinguishes the ids of several charts on one page. */
  readonly id: string;
}

interface Series {
  readonly name: string;
  readonly points: readonly { readonly time_s: number; readonly energy_j: number }[];
}

/**
 * The frontier and its baselines, energy over time, as static SVG. Colours are CSS variables, so
 * one drawing serves light and dark. Same input, same bytes.
 */
export function frontierChart(frontier: FrontierFile, size: ChartSize): string {
  const series: Series[] = [
    { name: "Searched", points: frontier.points },
    ...frontier.baselines.map((b) => ({ name: SERIES_NAMES[b.name] ?? b.name, points: b.points })),
  ];
  const chart = init(null, null, { renderer: "svg", ssr: true, ...size });
  try {
    chart.setOption(chartOptions(series, size));
    return standAlone(chart.renderToSVGString(), size);
  } finally {
    chart.dispose();
  }
}

/** Replaces the renderer's running numbers by the chart's id and drops its hover styles. */
function standAlone(svg: string, { id, width, height }: ChartSize): string {
  return svg
    .replace(/<style[\s\S]*?<\/style>\s*/g, "")
    .replace(/ class="zr\d+-cls-\d+"/g, "")
    .replace(/ ecmeta_[a-z_]+="[^"]*"/g, "")
    .replace(/zr\d+-/g, `${id}-`)
    .replace(`<svg width="${width}" height="${height}"`, `<svg class="${id}" aria-hidden="true"`);
}

function chartOptions(series: readonly Series[], { width }: ChartSize) {
  const shown = series.flatMap(({ points }) => points);
  const time = scaleFor(Math.max(0, ...shown.map((point) => point.time_s)), "s");
  const energy = scaleFor(Math.max(0, ...shown.map((point) => point.energy_j)), "J");
  const text = { color: "var(--muted)", fontSize: 13 };
  const axis = {
    type: "value" as const,
    scale: true,
    nameTextStyle: text,
    axisLabel: text,
    axisLine: { show: true, lineStyle: { color: "var(--line)" } },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: "var(--line)" } },
    splitNumber: width < 500 ? 3 : 6,
  };
  return {
    animation: false,
    textStyle: { fontFamily: "inherit" },
    color: series.map((_, index) => `var(--series-${index})`),
    grid: { left: 56, right: 16, top: width < 500 ? 112 : 64, bottom: 48 },
    legend: {
      left: 0,
      top: 0,
      orient: width < 500 ? ("vertical" as const) : ("horizontal" as const),
      itemGap: width < 500 ? 6 : 36,
      textStyle: { color: "var(--ink)", fontSize: 13 },
    },
    xAxis: {
      ...axis,
      name: `iteration time (${time.unit})`,
      nameLocation: "middle" as const,
      nameGap: 30,
    },
    yAxis: { ...axis, name: `energy (${energy.unit})`, nameLocation: "end" as const, nameGap: 12 },
    series: series.map(({ name, points }, index) => ({
      type: "line" as const,
      name,
      symbol: SYMBOLS[index % SYMBOLS.length] ?? "circle",
      symbolSize: points.length === 1 ? 10 : 6,
      lineStyle: { width: 2 },
      itemStyle: { color: `var(--series-${index})` },
      z: series.length - index,
      data: points.map((point) => [point.time_s / time.divisor, point.energy_j / energy.divisor]),
    })),
  };
}
