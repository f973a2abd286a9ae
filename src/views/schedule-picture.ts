import { LineChart } from "echarts/charts";
import { GridComponent, TitleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { at, need, present } from "../base/need.js";
import { JOULES_PER_KWH, scaleFor } from "../base/units.js";
import type { SchedulePoint } from "../fleet/play.js";
import { weightOf } from "../fleet/totals.js";
import type { Trace } from "../fleet/trace.js";
import type { ScheduleFile } from "../plan/schedule.js";
import { escapeMarkup } from "./markup.js";

use([LineChart, GridComponent, TitleComponent, SVGRenderer]);

const SIZE = { width: 900, height: 640 };

/** One of the three charts that stand below each other over the same time. */
interface Row {
  readonly title: string;
  readonly colour: string;
  readonly data: readonly (readonly [number, number])[];
}

/**
 * A schedule as a picture: what the trace says, the power of the point that runs, and what has added up.
 * @param file its name: `.html` makes a page of it, anything else an SVG
 */
export function schedulePicture(
  schedule: ScheduleFile,
  points: readonly SchedulePoint[],
  trace: Trace,
  file: string,
): string {
  const x = (time_s: number) =>
    trace.origin_s === null ? time_s : 1000 * (trace.origin_s + time_s);
  const rows = rowsOf(schedule, points, trace, x);
  const chart = init(null, null, { renderer: "svg", ssr: true, ...SIZE });
  const tops = [40, 250, 450];
  const dates = trace.origin_s !== null;
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    title: rows.map(({ title }, i) => ({
      text: title,
      left: 60,
      top: at(tops, i) - 28,
      textStyle: { fontSize: 13 },
    })),
    grid: rows.map((_, i) => ({ left: 70, right: 30, top: at(tops, i), height: 140 })),
    xAxis: rows.map((_, i) => ({
      gridIndex: i,
      type: dates ? "time" : "value",
      min: x(at(schedule.slots, 0).start_s),
      max: x(at(schedule.slots, -1).end_s),
      ...(dates ? {} : { name: "s" }),
    })),
    yAxis: rows.map((_, i) => ({ gridIndex: i, type: "value", scale: i === 0 })),
    useUTC: true,
    series: rows.map(({ colour, data }, i) => ({
      type: "line",
      xAxisIndex: i,
      yAxisIndex: i,
      showSymbol: false,
      lineStyle: { color: colour, width: 1.5 },
      data,
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return file.endsWith(".html") ? page(svg, schedule) : `${svg}\n`;
}

function rowsOf(
  schedule: ScheduleFile,
  points: readonly SchedulePoint[],
  trace: Trace,
  x: (time_s: number) => number,
): Row[] {
  const { minimize } = schedule;
  const slots = trace.slots.slice(0, schedule.slots.length);
  const byStart = new Map(trace.slots.map((slot) => [slot.start_s, slot]));
  const all = new Map(points.map((point) => [point.id, point]));
  const told = slots.flatMap((slot): [number, number][] => {
    const weight = weightOf(slot, minimize);
    const value = minimize === "energy" ? slot.power_w : weight && weight * JOULES_PER_KWH;
    if (value === null) return [];
    return [
      [x(slot.start_s), value],
      [x(slot.end_s), value],
    ];
  });
  const powers: [number, number][] = [];
  const sums: [number, number][] = [[x(at(slots, 0).start_s), 0]];
  let sum = 0;
  for (const { start_s, end_s, runs } of schedule.slots) {
    const weight = weightOf(need(byStart, start_s), minimize);
    const busy_s = runs.reduce(
      (time_s, run) => time_s + run.iterations * need(all, run.point).time_s,
      0,
    );
    let time_s = start_s;
    for (const { point, iterations } of runs) {
      const { power_w, time_s: one_s } = need(all, point);
      // Runs of a slot share its width as they share the time that they take.
      const width_s = ((end_s - start_s) * iterations * one_s) / Math.max(busy_s, end_s - start_s);
      powers.push([x(time_s), power_w], [x(time_s + width_s), power_w]);
      sum += present(weight, "weight") * power_w * iterations * one_s;
      time_s += width_s;
      sums.push([x(time_s), sum]);
    }
    if (time_s < end_s) powers.push([x(time_s), 0], [x(end_s), 0]);
    sums.push([x(end_s), sum]);
  }
  const scale = scaleFor(Math.max(1, ...sums.map(([, value]) => value)), UNITS[minimize]);
  const scaledSums = sums.map(([time, value]): [number, number] => [time, value / scale.divisor]);
  return [
    { title: TITLES[minimize], colour: "#777777", data: told },
    { title: "Power of the point that runs (W)", colour: "#0a7d4f", data: powers },
    {
      title: `Added up (${scale.unit})`,
      colour: "#b3261e",
      data: scaledSums,
    },
  ];
}

const UNITS = { carbon: "g", cost: "money", energy: "J" } as const;

const TITLES = {
  carbon: "Carbon intensity (g/kWh)",
  cost: "Price (per kWh)",
  energy: "Allowed power (W)",
} as const;

function page(svg: string, { graph, gpu, settled }: ScheduleFile): string {
  const title = escapeMarkup(`${graph} on ${gpu}`);
  const told = (settled ?? []).map((line) => `<li>${escapeMarkup(line)}</li>`).join("");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title></head>
<body><h1>${title}</h1><ul>${told}</ul>
${svg}
</body></html>
`;
}
