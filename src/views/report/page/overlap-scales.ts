import { scaleFor } from "../../../base/units.js";
import type { DrawnRun } from "../model.js";
import { AXIS, COLOUR } from "./charts.js";
import type { Piece } from "./pieces.js";

/** Heights of the four drawings under each other, and the room between them. */
const HEIGHTS = [84, 64, 64, 64];
const ROOM_PX = 34;
const TOP_PX = 4;

/** Of all four together. */
export const HEIGHT_PX = TOP_PX + HEIGHTS.reduce((sum, px) => sum + px + ROOM_PX, 14);

/** Where each is drawn. */
export function gridsOf(width_px: number) {
  let top = TOP_PX;
  return HEIGHTS.map((height) => {
    const grid = {
      left: width_px < 480 ? 58 : 108,
      right: 16,
      top,
      height,
      outerBoundsMode: "none",
    };
    top += height + ROOM_PX;
    return grid;
  });
}

/** What the scales of the four charts are. */
export interface Scales {
  readonly time: ReturnType<typeof scaleFor>;
  readonly memory: ReturnType<typeof scaleFor>;
  /** Bytes a second, at most. */
  readonly most: number;
  readonly most_w: number;
  /** Where the time axis ends. */
  readonly end: number;
}

/** The scales of a run's charts. */
export function scalesOf(pieces: readonly Piece[], run: DrawnRun): Scales {
  const time = scaleFor(run.time_s, "s");
  const most = Math.max(run.bandwidth_bytes_per_s, ...pieces.map((p) => p.bytes_per_s));
  const most_w = Math.max(0, ...pieces.map((p) => p.power_w));
  return { time, most, memory: scaleFor(most, "B/s"), most_w, end: run.time_s / time.divisor };
}

/** Time, with its name under the last. */
export function xAxes({ time, end }: Scales) {
  return HEIGHTS.map((_, index) => ({
    ...AXIS,
    gridIndex: index,
    min: 0,
    max: end,
    splitLine: { show: index > 0, lineStyle: { color: COLOUR.line } },
    axisLabel: { ...AXIS.axisLabel, show: index === HEIGHTS.length - 1, showMaxLabel: false },
    ...(index === HEIGHTS.length - 1
      ? { name: `time (${time.unit})`, nameLocation: "middle", nameGap: 28 }
      : {}),
  }));
}

/** What runs, SMs, memory traffic and power. */
export function yAxes({ memory, most, most_w }: Scales, count: number, narrow: boolean) {
  const axis = (index: number, name: string, max: number) => ({
    ...AXIS,
    gridIndex: index,
    min: 0,
    max,
    interval: max / 2,
    name,
    nameLocation: "end",
    nameGap: 8,
    axisLabel: { ...AXIS.axisLabel, fontSize: 12 },
    nameTextStyle: { ...AXIS.nameTextStyle, fontSize: 12, align: "left" },
  });
  return [
    {
      ...AXIS,
      gridIndex: 0,
      type: "category",
      inverse: true,
      data: narrow ? ["comp.", "comm."] : ["compute", "communication"],
      splitLine: { show: false },
      axisLine: { show: false },
    },
    axis(1, "SMs", count),
    axis(2, `memory traffic (${memory.unit})`, Math.ceil((5 * most) / memory.divisor) / 5),
    axis(3, "power of one GPU (W)", Math.ceil(most_w / 100) * 100),
  ];
}
