import type { CustomSeriesRenderItemAPI, CustomSeriesRenderItemParams } from "echarts";
import { at } from "../../../base/need.js";
import { duration, scaled } from "../../../base/units.js";
import type { DrawnOption, DrawnPlan, LaneInstruction, ReportData } from "../model.js";
import { AXIS, COLOUR, chartIn, FONT, quantityAxis, TOOLTIP } from "./charts.js";
import { clockColour } from "./clocks.js";
import { byId, key, lazily, table, tip } from "./dom.js";

/** An instruction where and when a plan runs it. */
interface Box {
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

function boxesOf(plan: DrawnPlan, { lanes }: ReportData): Box[] {
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

function nameOf([kind, microbatch, chunk]: LaneInstruction, chunked: boolean): string {
  const name = KINDS[kind] ?? kind;
  const part = chunked ? `, chunk ${chunk}` : "";
  return microbatch === null ? name : `${name} of microbatch ${microbatch}${part}`;
}

/** The pipeline of one plan: a lane per stage. Returns what draws a plan, or says what it `lack`s. */
export function timelineChart(data: ReportData) {
  const { lanes, clocks_mhz } = data;
  const longest = Math.max(0, ...lanes.map((lane) => lane.length));
  const lane_px = Math.max(LANE_PX.least, Math.min(LANE_PX.most, LANE_PX.share / lanes.length));
  const windowed = longest > MANY;
  byId("timeline-chart").style.height = `${lanes.length * lane_px + (windowed ? 104 : 60)}px`;
  const drawing = chartIn(
    "timeline-chart",
    "What each stage of the pipeline runs over time. The tables below have the same values.",
  );
  // The window stays where the reader has moved it, from point to point.
  let placed = false;
  const showInstructions = lazily("instruction-details");
  const chunked = lanes.some((lane) => lane.some(([, , chunk]) => chunk > 0));

  return (plan: DrawnPlan | null, time_s: number, lack: string) => {
    for (const id of PARTS) byId(id).hidden = plan === null;
    byId("timeline-facts").textContent = plan === null ? lack : windowed ? HOW_TO_LOOK : "";
    if (plan === null) return;
    const boxes = boxesOf(plan, data);
    showKey(boxes, clocks_mhz);
    showStages(boxes, data, time_s);
    showInstructions(() => instructionTable(boxes, chunked));
    const time = quantityAxis("time", time_s, "s");
    const asked = () => {
      const end = Math.min(100, (100 * drawing.chart.getWidth()) / (BOX_PX * longest));
      const first = placed ? {} : { start: 0, end };
      placed = true;
      return first;
    };
    const render = boxRenderer(boxes, clocks_mhz, lane_px);
    drawing.show((width_px) => ({
      grid: {
        left: width_px < 480 ? 30 : 64,
        right: 12,
        top: 4,
        bottom: windowed ? 84 : 44,
        outerBoundsMode: "none",
      },
      tooltip: {
        ...TOOLTIP,
        formatter: ({ dataIndex }: { dataIndex: number }) => {
          const box = boxes[dataIndex];
          return box === undefined ? "" : tipOf(box, chunked);
        },
      },
      xAxis: {
        ...time.axis,
        min: 0,
        max: time_s / time.divisor,
        nameLocation: "middle",
        nameGap: 28,
        axisLabel: { ...time.axis.axisLabel, showMaxLabel: false },
      },
      yAxis: {
        ...AXIS,
        type: "category",
        inverse: true,
        data: lanes.map((_, stage) => (width_px < 480 ? `${stage}` : `stage ${stage}`)),
        splitLine: { show: false },
        axisLine: { show: false },
        axisLabel: { ...AXIS.axisLabel, interval: 0 },
      },
      ...(windowed ? { dataZoom: windowOn(asked()) } : {}),
      series: [
        idleSeries(lanes.length, time_s / time.divisor, lane_px),
        {
          type: "custom",
          clip: true,
          progressive: 0,
          emphasis: { disabled: true },
          encode: { x: [0, 1], y: 2 },
          data: boxes.map(({ start_s, option, stage }) => [
            start_s / time.divisor,
            (start_s + option.time_s) / time.divisor,
            stage,
          ]),
          renderItem: render,
        },
      ],
    }));
  };
}

const PARTS = ["timeline-chart", "timeline-key", "stage-table", "instruction-details"];
const HOW_TO_LOOK =
  "The slider below moves along the iteration; its ends, and Ctrl with the wheel, zoom.";

/** A window on the iteration: the wheel with Ctrl, and a slider. */
function windowOn(asked: { readonly start?: number; readonly end?: number }) {
  return [
    {
      type: "inside",
      filterMode: "none",
      zoomOnMouseWheel: "ctrl",
      moveOnMouseMove: true,
      ...asked,
    },
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
  ];
}

/** What lies under the boxes: where it shows, a stage idles. */
function idleSeries(stages: number, end: number, lane_px: number) {
  return {
    type: "custom",
    silent: true,
    clip: true,
    data: Array.from({ length: stages }, (_, stage) => [0, end, stage]),
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

function showKey(boxes: readonly Box[], clocks_mhz: readonly number[]): void {
  const used = [...new Set(boxes.map(({ option }) => option.freq_mhz))].sort((a, b) => a - b);
  const patch = (freq_mhz: number) => `background:${clockColour(freq_mhz, clocks_mhz).fill}`;
  byId("timeline-key").replaceChildren(
    ...key([
      ...used.map((freq_mhz) => [patch(freq_mhz), `${freq_mhz} MHz`] as const),
      ["background:var(--idle)", "idle (bubble)"],
      ["border:2px solid var(--critical)", "critical path"],
      ["background:var(--muted)", "forward", "low"],
      ...(boxes.some(({ instruction: [kind] }) => kind === "weight_gradient")
        ? [["background:var(--muted)", "weight gradient", "middle"] as const]
        : []),
      ["background:var(--muted)", "backward and the rest"],
    ]),
  );
}

function showStages(boxes: readonly Box[], data: ReportData, time_s: number): void {
  const { lanes, static_power_w } = data;
  const rows = lanes.map((_, stage) => {
    const own = boxes.filter((box) => box.stage === stage);
    const busy_s = own.reduce((sum, { option }) => sum + option.time_s, 0);
    const spent_j = own.reduce((sum, { option }) => sum + option.energy_j, 0);
    const idle_s = Math.max(0, time_s - busy_s);
    const clocks = [...new Set(own.map(({ option }) => option.freq_mhz))].sort((a, b) => a - b);
    const [low = 0, high = 0] = [clocks[0], clocks.at(-1)];
    return [
      `stage ${stage}`,
      duration(busy_s),
      `${duration(idle_s)} (${((100 * idle_s) / time_s).toFixed(1)}%)`,
      low === high ? `${low} MHz` : `${low} to ${high} MHz`,
      scaled(spent_j + static_power_w * idle_s, "J"),
    ];
  });
  const columns = [
    ["stage", "text"],
    ["busy", "number"],
    ["idle", "number"],
    ["clocks", "number"],
    ["energy of one GPU", "number"],
  ] as const;
  byId("stage-table").replaceChildren(table(columns, rows));
}

function instructionTable(boxes: readonly Box[], chunked: boolean): HTMLTableElement {
  const columns = [
    ["instruction", "text"],
    ["stage", "number"],
    ["start", "number"],
    ["time", "number"],
    ["clock", "number"],
    ["energy of one GPU", "number"],
    ["critical", "text"],
  ] as const;
  const rows = boxes.map(({ instruction, stage, start_s, option, critical }) => [
    nameOf(instruction, chunked),
    String(stage),
    duration(start_s),
    duration(option.time_s),
    `${option.freq_mhz} MHz`,
    scaled(option.energy_j, "J"),
    critical ? "yes" : "",
  ]);
  return table(columns, rows);
}
