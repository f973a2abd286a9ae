import { at } from "../../../base/need.js";
import { scaled } from "../../../base/units.js";
import type { DrawnBaseline, DrawnPlan, ReportData } from "../model.js";
import { axisUntil, COLOUR, chartIn, LEGEND_TEXT, quantityAxis } from "./charts.js";
import { byId } from "./dom.js";
import { type Box, boxesOf } from "./lanes.js";

/** From `start_s` to the next step. */
interface Step {
  readonly start_s: number;
  readonly power_w: number;
}

/** Steps that take a smaller share of an iteration are too thin to draw. */
const INSTANT = 2e-4;

/** Power of a whole replica over an iteration: the average of instructions, static power of who waits. */
function powerOf(
  boxes: readonly Box[],
  time_s: number,
  { gpus_per_stage, static_power_w, lanes }: ReportData,
): Step[] {
  const changes = boxes
    .filter(({ option }) => option.time_s > 0)
    .flatMap(({ start_s, option: { time_s: own_s, energy_j } }) => {
      const more_w = energy_j / own_s - static_power_w;
      return [
        { start_s, more_w },
        { start_s: start_s + own_s, more_w: -more_w },
      ];
    })
    .sort((a, b) => a.start_s - b.start_s);
  let now_w = static_power_w * lanes.length;
  const steps: Step[] = [{ start_s: 0, power_w: gpus_per_stage * now_w }];
  for (const { start_s, more_w } of changes) {
    now_w += more_w;
    const step = { start_s, power_w: gpus_per_stage * now_w };
    if (start_s - at(steps, -1).start_s <= INSTANT * time_s) steps[steps.length - 1] = step;
    else steps.push(step);
  }
  return steps.filter(({ start_s }) => start_s < time_s * (1 - INSTANT));
}

/** The power of the chosen plan and of the baseline beside it, over an iteration. */
export function powerChart(data: ReportData) {
  const drawing = chartIn("power-chart", "Power of a replica over one iteration, in steps.");
  return (
    plan: { readonly boxes: readonly Box[]; readonly time_s: number; readonly drawn: DrawnPlan },
    rival: DrawnBaseline | null,
    end_s: number,
  ) => {
    const own = powerOf(plan.boxes, plan.time_s, data);
    const others =
      rival === null ? [] : powerOf(boxesOf(rival.plan, rival.lanes), rival.time_s, data);
    byId("power-facts").textContent = factsOf(plan.drawn, rival?.plan ?? null);
    const most_w = Math.max(...[...own, ...others].map(({ power_w }) => power_w));
    const time = quantityAxis("time", end_s, "s");
    const power = quantityAxis("power", most_w, "W");
    const line = (name: string, steps: readonly Step[], last_s: number, colour: string) => ({
      type: "line",
      name,
      step: "end",
      symbol: "none",
      silent: true,
      lineStyle: { width: 1.5, color: colour },
      itemStyle: { color: colour },
      data: [...steps, { start_s: last_s, power_w: at(steps, -1).power_w }].map((step) => [
        step.start_s / time.divisor,
        step.power_w / power.divisor,
      ]),
    });
    drawing.show((width_px) => ({
      grid: { left: 56, right: 12, top: 44, bottom: 44, outerBoundsMode: "none" },
      legend: { left: 0, top: 0, textStyle: LEGEND_TEXT, icon: "roundRect" },
      xAxis: axisUntil(time, end_s),
      yAxis: {
        ...power.axis,
        min: 0,
        nameLocation: "end",
        nameGap: 6,
        splitNumber: width_px < 480 ? 3 : 4,
        nameTextStyle: { ...power.axis.nameTextStyle, align: "left", padding: [0, 0, 0, -48] },
      },
      series: [
        line("This plan", own, plan.time_s, "var(--series-0)"),
        ...(rival === null ? [] : [line("The baseline", others, rival.time_s, COLOUR.muted)]),
      ],
    }));
  };
}

function factsOf(own: DrawnPlan, rival: DrawnPlan | null): string {
  const words = ({ peak_power_w, lowest_power_w }: DrawnPlan) =>
    `peak ${scaled(peak_power_w, "W")}, lowest ${scaled(lowest_power_w, "W")}, swing ${scaled(peak_power_w - lowest_power_w, "W")}`;
  return `Of one replica: ${words(own)}.${rival === null ? "" : ` The baseline: ${words(rival)}.`}`;
}
