import type { CustomSeriesRenderItemAPI, CustomSeriesRenderItemParams } from "echarts";
import { at } from "../../../base/need.js";
import { duration, scaled } from "../../../base/units.js";
import type { DrawnOption, DrawnPlan, LaneInstruction, ReportData } from "../model.js";
import { AXIS, axisUntil, COLOUR, chartIn, FONT, quantityAxis, TOOLTIP } from "./charts.js";
import { clockColour } from "./clocks.js";
import { byId, tip } from "./dom.js";

/** An instruction where and when a plan runs it. */
export interface Box {
  readonly stage: number;
  readonly instruction: LaneInstruction;
  readonly option: DrawnOption;
  readonly start_s: number;
  readonly critical: boolean;
}

/** What share of a lane an instruction is high: kinds are told apart without colours. */
function heightOf(kind: string): number {
  if (kind === "forward") return 0.62;
  return kind === "weight_gradient" ? 0.8 : 1;
}

const LANE_PX = { most: 44, least: 22, share: 420 };

/** A lane with more boxes than this is shown through a window, in which a box has BOX_PX of room. */
const MANY = 48;
const BOX_PX = 20;

/** Text needs this much room per character, and besides. */
const CHARACTER_PX = 7;

/** The instructions of a plan, placed. */
export function boxesOf(plan: DrawnPlan, lanes: ReportData["lanes"]): Box[] {
  return lanes.flatMap((lane, stage) => {
    const critical = new Set(plan.critical[stage]);
    let now_s = 0;
    const [choice, wait_s] = [at(plan.choice, stage), at(plan.wait_s, stage)];
    return lane.map((instruction, index) => {
      const option = at(plan.options, at(choice, index));
      const start_s = now_s + at(wait_s, index);
      now_s = start_s + option.time_s;
      return { stage, instruction, option, start_s, critical: critical.has(index) };
    });
  });
}

const KINDS: Readonly<Record<string, string>> = {
  forward: "Forward",
  backward: "Backward",
  input_gradient: "Input gradient",
  weight_gradient: "Weight gradient",
  tail: "Tail",
};

/** `Forward of microbatch 3`. */
export function nameOf([kind, microbatch, chunk]: LaneInstruction, chunked: boolean): string {
  const name = KINDS[kind] ?? kind;
  const part = chunked ? `, chunk ${chunk}` : "";
  return microbatch === null ? name : `${name} of microbatch ${microbatch}${part}`;
}

/** What a chart of lanes shows. */
interface Shown {
  readonly boxes: readonly Box[];
  /** How many stages. */
  readonly stages: number;
  /** When the iteration ends, and where the axis does. */
  readonly time_s: number;
  readonly end_s: number;
}

/** Whether lanes are so long that they are looked at through a window. */
export function isLong(lanes: ReportData["lanes"]): boolean {
  return lanes.some((lane) => lane.length > MANY);
}

/**
 * A chart of the pipeline, a lane for each stage, in the element of that id.
 * @param choose gets the box that is clicked
 */
export function laneChart(
  id: string,
  label: string,
  lanes: ReportData["lanes"],
  clocks_mhz: readonly number[],
  choose: (box: Box) => void,
) {
  const longest = Math.max(0, ...lanes.map((lane) => lane.length));
  const lane_px = Math.max(LANE_PX.least, Math.min(LANE_PX.most, LANE_PX.share / lanes.length));
  const long = isLong(lanes);
  byId(id).style.height = `${lanes.length * lane_px + (long ? 104 : 60)}px`;
  const drawing = chartIn(id, label);
  const chunked = lanes.some((lane) => lane.some(([, , chunk]) => chunk > 0));
  let boxes: readonly Box[] = [];
  drawing.chart.on("click", ({ dataIndex, seriesType }) => {
    if (seriesType === "custom" && typeof dataIndex === "number") choose(at(boxes, dataIndex));
  });
  // The window stays where the reader has moved it, from point to point.
  let placed = false;
  const asked = () => {
    const end = Math.min(100, (100 * drawing.chart.getWidth()) / (BOX_PX * longest));
    const first = placed || !long ? {} : { start: 0, end };
    placed = true;
    return first;
  };
  return (shown: Shown) => {
    boxes = shown.boxes;
    const zoom = windowOn(asked(), long);
    drawing.show((width_px) =>
      laneOptions(shown, { width_px, lane_px, long, chunked, clocks_mhz, zoom }),
    );
  };
}

interface Look {
  readonly width_px: number;
  readonly lane_px: number;
  readonly long: boolean;
  readonly chunked: boolean;
  readonly clocks_mhz: readonly number[];
  readonly zoom: readonly object[];
}

function laneOptions({ boxes, stages, time_s, end_s }: Shown, look: Look) {
  const { width_px, lane_px, long, chunked, clocks_mhz, zoom } = look;
  const time = quantityAxis("time", end_s, "s");
  const names = Array.from(
    { length: stages },
    (_, stage) => `${width_px < 480 ? "" : "stage "}${stage}`,
  );
  return {
    grid: {
      left: width_px < 480 ? 30 : 64,
      right: 12,
      top: 4,
      bottom: long ? 84 : 44,
      outerBoundsMode: "none",
    },
    tooltip: {
      ...TOOLTIP,
      formatter: ({ dataIndex }: { dataIndex: number }) => {
        const box = boxes[dataIndex];
        return box === undefined ? "" : tipOf(box, chunked);
      },
    },
    xAxis: axisUntil(time, end_s),
    yAxis: {
      ...AXIS,
      type: "category",
      inverse: true,
      data: names,
      splitLine: { show: false },
      axisLine: { show: false },
      axisLabel: { ...AXIS.axisLabel, interval: 0 },
    },
    dataZoom: zoom,
    series: [
      idleSeries(gapsOf(boxes, stages, time_s), time.divisor, lane_px),
      {
        type: "custom",
        clip: true,
        progressive: 0,
        cursor: "pointer",
        emphasis: { disabled: true },
        encode: { x: [0, 1], y: 2 },
        data: boxes.map(({ start_s, option, stage }) => [
          start_s / time.divisor,
          (start_s + option.time_s) / time.divisor,
          stage,
        ]),
        renderItem: boxRenderer(boxes, clocks_mhz, lane_px),
      },
    ],
  };
}

/** A window on the iteration: the wheel with Ctrl, and a slider. */
function windowOn(asked: { readonly start?: number; readonly end?: number }, slider: boolean) {
  const inside = {
    type: "inside",
    filterMode: "none",
    zoomOnMouseWheel: "ctrl",
    moveOnMouseMove: true,
    ...asked,
  };
  return slider
    ? [
        inside,
        {
          type: "slider",
          filterMode: "none",
          height: 22,
          bottom: 8,
          ...asked,
          brushSelect: false,
          showDataShadow: false,
          showDetail: false,
          borderColor: COLOUR.line,
          fillerColor: "rgba(128, 150, 190, 0.25)",
        },
      ]
    : [inside];
}

/** Gaps that take a smaller share of an iteration are rounding of start times. */
const INSTANT = 1e-6;

interface Gap {
  readonly start_s: number;
  readonly end_s: number;
  readonly stage: number;
}

/** Where stages wait between their instructions and for the end of the iteration. */
function gapsOf(boxes: readonly Box[], stages: number, time_s: number): Gap[] {
  return Array.from({ length: stages }, (_, stage) => {
    const own = boxes.filter((box) => box.stage === stage);
    const ends = [0, ...own.map(({ start_s, option }) => start_s + option.time_s)];
    const starts = [...own.map(({ start_s }) => start_s), time_s];
    return ends.map((start_s, i) => ({ start_s, end_s: at(starts, i), stage }));
  })
    .flat()
    .filter(({ start_s, end_s }) => end_s - start_s > INSTANT * time_s);
}

function idleSeries(gaps: readonly Gap[], divisor: number, lane_px: number) {
  return {
    type: "custom",
    silent: true,
    clip: true,
    progressive: 0,
    data: gaps.map(({ start_s, end_s, stage }) => [start_s / divisor, end_s / divisor, stage]),
    encode: { x: [0, 1], y: 2 },
    renderItem: (_: CustomSeriesRenderItemParams, api: CustomSeriesRenderItemAPI) => {
      const shape = rectangle(api, lane_px, 1);
      return { type: "rect", shape, style: { fill: "var(--idle)" } };
    },
  };
}

/** A box of a lane in pixels, `share` of the lane high. */
function rectangle(api: CustomSeriesRenderItemAPI, lane_px: number, share: number) {
  const stage = Number(api.value(2));
  const [left = 0, middle = 0] = api.coord([api.value(0), stage]);
  const [right = 0] = api.coord([api.value(1), stage]);
  const full_px = lane_px - 6;
  const height = full_px * share;
  const y = middle + full_px / 2 - height;
  return { x: left, y, width: Math.max(0.5, right - left), height };
}

function boxRenderer(boxes: readonly Box[], clocks_mhz: readonly number[], lane_px: number) {
  return (params: CustomSeriesRenderItemParams, api: CustomSeriesRenderItemAPI) => {
    const box = boxes[params.dataIndex];
    if (box === undefined) return null;
    const [kind, microbatch] = box.instruction;
    const { fill, ink } = clockColour(box.option.freq_mhz, clocks_mhz);
    const outer = rectangle(api, lane_px, heightOf(kind));
    const line_px = box.critical ? Math.min(2, outer.width / 3) : Math.min(0.75, outer.width / 4);
    const inset = line_px / 2;
    const shape = {
      x: outer.x + inset,
      y: outer.y + inset,
      width: Math.max(0.25, outer.width - line_px),
      height: outer.height - line_px,
    };
    const stroke = box.critical ? "var(--critical)" : "var(--page)";
    const text = microbatch === null ? "" : String(microbatch);
    const fits = text.length * CHARACTER_PX + 4 <= outer.width;
    return {
      type: "rect" as const,
      shape,
      z2: box.critical ? 2 : 1,
      style: { fill, stroke, lineWidth: line_px },
      ...(fits && text !== ""
        ? {
            textContent: {
              type: "text" as const,
              style: { text, fill: ink, fontSize: 12, fontFamily: FONT },
            },
            textConfig: { position: "inside" as const },
          }
        : {}),
    };
  };
}

function tipOf({ instruction, option, start_s, stage, critical }: Box, chunked: boolean) {
  const { freq_mhz, switch_from_mhz, time_s, energy_j, execution } = option;
  const clock = switch_from_mhz === null ? "" : `, comes from ${switch_from_mhz} MHz`;
  return tip(nameOf(instruction, chunked), [
    `stage ${stage}, ${execution}`,
    `${freq_mhz} MHz${clock}`,
    `${duration(start_s)} to ${duration(start_s + time_s)}: ${duration(time_s)}`,
    `${scaled(energy_j, "J")}, ${scaled(energy_j / time_s, "W")} of one GPU`,
    ...(critical ? ["on the critical path"] : []),
  ]);
}
