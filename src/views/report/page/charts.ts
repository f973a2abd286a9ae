import { CustomChart, LineChart, ScatterChart } from "echarts/charts";
import {
  DataZoomComponent,
  GridComponent,
  LegendComponent,
  TooltipComponent,
} from "echarts/components";
import { type EChartsCoreOption, init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { scaleFor } from "../../../base/units.js";
import { byId } from "./dom.js";

use([CustomChart, LineChart, ScatterChart]);
use([DataZoomComponent, GridComponent, LegendComponent, TooltipComponent, SVGRenderer]);

/** Wide enough to read on paper, narrow enough for its margins. */
const PAPER_WIDTH_PX = 680;

/** Colours are the page's own variables, so a chart follows the theme without being drawn again. */
export const COLOUR = {
  ink: "var(--ink)",
  muted: "var(--muted)",
  line: "var(--line)",
  page: "var(--page)",
} as const;

/** That of the page; named, because text is measured before it is drawn. */
export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

const TEXT = { color: COLOUR.muted, fontSize: 13, fontFamily: FONT };

/**
 * A chart in the element of that id, as wide as it, on paper as wide as that. `draw` gives its
 * options for a width, and is asked again where the width changes.
 */
export function chartIn(id: string, label: string) {
  const container = byId(id);
  container.setAttribute("role", "img");
  container.setAttribute("aria-label", label);
  const chart = init(container, null, { renderer: "svg" });
  let draw: ((width_px: number) => EChartsCoreOption) | null = null;
  const redraw = () => {
    if (draw === null) return;
    const options = draw(chart.getWidth());
    chart.setOption({ ...COMMON, ...options }, { replaceMerge: ["series"] });
  };
  const fitTo = (width_px?: number) => {
    const old_px = chart.getWidth();
    chart.resize(width_px === undefined ? undefined : { width: width_px });
    if (chart.getWidth() !== old_px) redraw();
  };
  new ResizeObserver(() => fitTo()).observe(container);
  window.addEventListener("beforeprint", () => fitTo(PAPER_WIDTH_PX));
  window.addEventListener("afterprint", () => fitTo());
  return {
    chart,
    container,
    /** Draws anew; what the reader has zoomed into stays. */
    show: (options: (width_px: number) => EChartsCoreOption) => {
      draw = options;
      redraw();
    },
  };
}

/** Nothing moves: no animation, for those who ask for reduced motion and for all others. */
const COMMON = {
  animation: false,
  textStyle: { fontFamily: FONT },
} as const;

export const TOOLTIP = {
  trigger: "item",
  confine: true,
  transitionDuration: 0,
  backgroundColor: "var(--raised)",
  borderColor: COLOUR.line,
  textStyle: { color: COLOUR.ink },
  padding: [6, 10],
} as const;

/** How an axis looks; what it shows comes with it. */
export const AXIS = {
  type: "value",
  scale: true,
  nameTextStyle: TEXT,
  axisLabel: { ...TEXT, hideOverlap: true },
  axisLine: { show: true, lineStyle: { color: COLOUR.line } },
  axisTick: { show: false },
  splitLine: { lineStyle: { color: COLOUR.line } },
} as const;

/** An axis of a quantity: values are divided by the scale's divisor before they are drawn. */
export function quantityAxis(name: string, largest: number, unit: string) {
  const scale = scaleFor(largest, unit);
  return { ...scale, axis: { ...AXIS, name: `${name} (${scale.unit})` } };
}

/** The axis of a timeline, from 0 to its end, which is no round number and gets no label. */
export function axisUntil({ axis, divisor }: ReturnType<typeof quantityAxis>, end: number) {
  return {
    ...axis,
    min: 0,
    max: end / divisor,
    nameLocation: "middle",
    nameGap: 28,
    axisLabel: { ...axis.axisLabel, showMaxLabel: false },
  } as const;
}

export const LEGEND_TEXT = { color: COLOUR.ink, fontSize: 13 };
