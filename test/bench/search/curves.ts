import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { COUNTS } from "./quality.js";

use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

/** How one contender did on one table: a value per count, total and dynamic energy. */
export interface Curve {
  readonly table: string;
  readonly contender: string;
  readonly total: readonly number[];
  readonly dynamic: readonly number[];
}

const PANEL = { width: 420, height: 240, left: 50, top: 60, gap: 60 };
const COLOURS = ["#9aa0a6", "#c0504d", "#e39a3b", "#1f6fb2"];

/** Tight hypervolume over evaluations: a row of two panels per table, as SVG. */
export function drawCurves(curves: readonly Curve[]): string {
  const tables = [...new Set(curves.map(({ table }) => table))];
  const contenders = [...new Set(curves.map(({ contender }) => contender))];
  const kinds = ["total", "dynamic"] as const;
  const panels = tables.flatMap((table) => kinds.map((kind) => ({ table, kind })));
  const place = (index: number) => ({
    left: PANEL.left + (index % 2) * (PANEL.width + PANEL.gap),
    top: PANEL.top + Math.floor(index / 2) * (PANEL.height + PANEL.gap),
  });
  const size = {
    width: 2 * (PANEL.width + PANEL.gap),
    height: PANEL.top + tables.length * (PANEL.height + PANEL.gap),
  };
  const chart = init(null, null, { renderer: "svg", ssr: true, ...size });
  chart.setOption({
    animation: false,
    backgroundColor: "#fff",
    color: COLOURS,
    legend: { top: 4, data: contenders },
    title: panels.map(({ table, kind }, index) => ({
      text: `${table}, ${kind} energy`,
      textStyle: { fontSize: 13 },
      left: place(index).left,
      top: place(index).top - 24,
    })),
    grid: panels.map((_, index) => ({
      ...place(index),
      width: PANEL.width,
      height: PANEL.height - 20,
    })),
    xAxis: panels.map((_, gridIndex) => ({ gridIndex, type: "value", min: 20, max: 230 })),
    yAxis: panels.map((_, gridIndex) => ({ gridIndex, type: "value", scale: true, max: 1 })),
    series: panels.flatMap(({ table, kind }, panel) =>
      curves
        .filter((curve) => curve.table === table)
        .map((curve) => ({
          type: "line",
          name: curve.contender,
          xAxisIndex: panel,
          yAxisIndex: panel,
          data: curve[kind].map((value, k) => [COUNTS[k], value]),
        })),
    ),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
