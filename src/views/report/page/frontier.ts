import { duration, scaled } from "../../../base/units.js";
import type { ReportData, ReportPoint } from "../model.js";
import { COLOUR, chartIn, LEGEND_TEXT, quantityAxis, TOOLTIP } from "./charts.js";
import { tip } from "./dom.js";

const SYMBOLS = ["circle", "diamond", "rect", "triangle"];

/** Lines beyond these colours begin again. */
const COLOURS = 7;
const colourOf = (index: number) => `var(--series-${index % COLOURS})`;

/** How far from a point a click may be and still mean it. */
const REACH_PX = 24;

/** What the chart draws: lines of points, and how far its axes go. */
interface Scene {
  readonly points: readonly ReportPoint[];
  readonly lines: readonly {
    readonly label: string;
    readonly points: readonly Pick<ReportPoint, "time_s" | "energy_j">[];
  }[];
  readonly time: ReturnType<typeof quantityAxis>;
  readonly energy: ReturnType<typeof quantityAxis>;
  readonly place: (point: Pick<ReportPoint, "time_s" | "energy_j">) => number[];
}

function sceneOf({ label, points, baselines, others }: ReportData): Scene {
  const lines = [{ label, points }, ...baselines, ...others];
  const all = lines.flatMap((line) => line.points);
  const time = quantityAxis("iteration time", Math.max(...all.map((p) => p.time_s)), "s");
  const energy = quantityAxis("energy", Math.max(...all.map((p) => p.energy_j)), "J");
  const place: Scene["place"] = ({ time_s, energy_j }) => [
    time_s / time.divisor,
    energy_j / energy.divisor,
  ];
  return { points, lines, time, energy, place };
}

/** The frontier and its baselines; `choose` gets the point that is clicked. */
export function frontierChart(data: ReportData, choose: (index: number) => void) {
  const scene = sceneOf(data);
  const drawing = chartIn(
    "frontier-chart",
    "Energy over time of one iteration: the points that were found and the baselines. The table of points has the same values.",
  );
  drawing.chart.getZr().on("click", ({ offsetX, offsetY }) => {
    const near = scene.points.map((point) => {
      const [x = 0, y = 0] = drawing.chart.convertToPixel("grid", scene.place(point)) as number[];
      return Math.hypot(x - offsetX, y - offsetY);
    });
    const least = Math.min(...near);
    if (least <= REACH_PX) choose(near.indexOf(least));
  });
  return (chosen: number) => drawing.show((width_px) => optionsOf(scene, chosen, width_px));
}

/** What an entry of the legend takes: its mark, its letters, and on a narrow page a row of its own. */
const ENTRY = { mark_px: 44, letter_px: 6.6, row_px: 26 };

/** Rows of the legend. */
function legendRows(lines: Scene["lines"], width_px: number, narrow: boolean): number {
  if (narrow) return lines.length;
  let [rows, x] = [1, 0];
  for (const { label } of lines) {
    const entry_px = ENTRY.mark_px + ENTRY.letter_px * label.length;
    if (x > 0 && x + entry_px > width_px) [rows, x] = [rows + 1, 0];
    x += entry_px;
  }
  return rows;
}

function optionsOf(scene: Scene, chosen: number, width_px: number) {
  const { lines, points, time, energy } = scene;
  const narrow = width_px < 480;
  const above_px = 44 + ENTRY.row_px * legendRows(lines, width_px, narrow);
  const tipFor = ({ seriesName = "", dataIndex }: { seriesName?: string; dataIndex: number }) => {
    const line = lines.find(({ label }) => label === seriesName) ?? lines[0];
    const found = line?.points[dataIndex] ?? points[chosen];
    return found === undefined ? "" : tipOf(seriesName, found);
  };
  return {
    color: lines.map((_, index) => colourOf(index)),
    grid: { left: 56, right: 16, top: above_px, bottom: 48, outerBoundsMode: "none" },
    legend: {
      left: 0,
      top: 0,
      itemGap: narrow ? 6 : 12,
      textStyle: { ...LEGEND_TEXT, width: width_px - ENTRY.mark_px, overflow: "truncate" },
      orient: narrow ? "vertical" : "horizontal",
      data: lines.map(({ label }) => label),
    },
    tooltip: { ...TOOLTIP, formatter: tipFor },
    xAxis: { ...time.axis, nameLocation: "middle", nameGap: 30, splitNumber: narrow ? 3 : 5 },
    yAxis: {
      ...energy.axis,
      nameLocation: "end",
      nameGap: 12,
      nameTextStyle: { ...energy.axis.nameTextStyle, align: "left", padding: [0, 0, 0, -48] },
    },
    series: [...lineSeries(scene), chosenSeries(scene, chosen)],
  };
}

function lineSeries({ lines, place }: Scene) {
  return lines.map(({ label, points }, index) => ({
    type: "line",
    name: label,
    symbol: SYMBOLS[index % SYMBOLS.length] ?? "circle",
    symbolSize: points.length === 1 ? 11 : 7,
    cursor: index === 0 ? "pointer" : "default",
    emphasis: { disabled: true },
    lineStyle: { width: 2, color: colourOf(index) },
    itemStyle: { color: colourOf(index) },
    z: 10 - index,
    data: points.map(place),
  }));
}

/** A ring around the point that is chosen. */
function chosenSeries({ points, place }: Scene, chosen: number) {
  const point = points[chosen];
  return {
    type: "scatter",
    name: "Chosen",
    symbol: "circle",
    symbolSize: 17,
    silent: true,
    emphasis: { disabled: true },
    itemStyle: { color: "transparent", opacity: 1, borderColor: COLOUR.ink, borderWidth: 2 },
    z: 20,
    data: point === undefined ? [] : [place(point)],
  };
}

function tipOf(name: string, point: Pick<ReportPoint, "time_s" | "energy_j"> | ReportPoint) {
  const facts = [duration(point.time_s), scaled(point.energy_j, "J")];
  if (!("id" in point)) return tip(name, facts);
  const above = point.energy_j / point.lower_bound_j - 1;
  return tip(`Point ${point.id}`, [
    ...facts,
    `${scaled(point.average_power_w, "W")} on average`,
    above === 0 ? "proven optimal" : `${(100 * above).toFixed(2)}% above the bound`,
  ]);
}
