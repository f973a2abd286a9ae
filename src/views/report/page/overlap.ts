import type { CustomSeriesRenderItemAPI, CustomSeriesRenderItemParams } from "echarts";
import { duration, scaled } from "../../../base/units.js";
import type { DrawnConfiguration, DrawnPartition, DrawnRun } from "../model.js";
import { COLOUR, chartIn, FONT, TOOLTIP } from "./charts.js";
import { byId, element, lazily, table, tip } from "./dom.js";
import { gridsOf, HEIGHT_PX, type Scales, scalesOf, xAxes, yAxes } from "./overlap-scales.js";
import { type Bar, barsOf, type Piece, piecesOf, smsOf } from "./pieces.js";

/** Values that hold from one end of a piece to the next. */
function steps(pieces: readonly Piece[], divisor: number, of: (piece: Piece) => number) {
  const points = pieces.map((piece) => [piece.start_s / divisor, of(piece)]);
  const last = pieces.at(-1);
  return last === undefined ? points : [...points, [last.end_s / divisor, of(last)]];
}

/** The overlap inside one configuration, kernel by kernel. */
export function overlapChart(sm_count: number | null) {
  byId("overlap-chart").style.height = `${HEIGHT_PX}px`;
  const drawing = chartIn(
    "overlap-chart",
    "Kernels and communication over time, with the SMs that they hold, memory traffic and power. The table below has the same values.",
  );
  const showTable = lazily("overlap-details");
  return (configuration: DrawnConfiguration | null, partition: DrawnPartition | null) => {
    const run = configuration?.run ?? null;
    const known = run !== null && partition !== null && configuration !== null && sm_count !== null;
    drawing.container.hidden = !known;
    byId("overlap-details").hidden = !known;
    byId("overlap-facts").textContent = known ? factsOf(configuration, run) : NOT_KNOWN;
    if (!known) return;
    const pieces = piecesOf(run);
    const sms = configuration.sms;
    showTable(() => pieceTable(pieces, partition, sms, sm_count));
    const options = optionsOf(pieces, barsOf(pieces, partition), run, { sms, count: sm_count });
    drawing.show(options);
  };
}

const NOT_KNOWN = "Not available: the folder holds no details.json that tells of it.";

function factsOf({ freq_mhz, cost }: DrawnConfiguration, run: DrawnRun): string {
  const throttled =
    run.clock_mhz < freq_mhz ? `, held at ${Math.round(run.clock_mhz)} MHz by the power cap` : "";
  const played = `As the model plays it: ${duration(run.time_s)}, ${scaled(run.energy_j, "J")} of one GPU${throttled}.`;
  if (cost === null) return played;
  const same = Math.abs(cost.time_s / run.time_s - 1) < 1e-4;
  const counted = `The plan counts ${duration(cost.time_s)}, ${scaled(cost.energy_j, "J")} (${cost.source}): measurements differ from the model.`;
  return [played, ...(same ? [] : [counted]), ...partsOf(cost)].join(" ");
}

/** What the time of a cost is made of; parts that are nothing are left out. */
function partsOf({ parts }: NonNullable<DrawnConfiguration["cost"]>): string[] {
  if (parts === null) return [];
  const named = [
    [parts.compute_s, "of kernels and their launches"],
    [parts.contention_s, "because communication slows them"],
    [parts.exposed_communication_s, "of communication after the last kernel"],
    [parts.throttling_s, "because the power cap lowers the clock"],
  ] as const;
  const said = named.filter(([time_s]) => Math.abs(time_s) >= 5e-8);
  const list = said.map(([time_s, what]) => `${duration(time_s)} ${what}`).join(", ");
  return list === "" ? [] : [`Its time: ${list}.`];
}

type Held = { readonly sms: number; readonly count: number };

function optionsOf(pieces: readonly Piece[], bars: readonly Bar[], run: DrawnRun, held: Held) {
  const scales = scalesOf(pieces, run);
  const series = seriesOf(pieces, bars, run, held, scales);
  return (width_px: number) => ({
    grid: gridsOf(width_px),
    tooltip: {
      ...TOOLTIP,
      formatter: ({ seriesName = "", dataIndex }: Hovered) =>
        tipOf(seriesName, dataIndex, pieces, bars),
    },
    xAxis: xAxes(scales),
    yAxis: yAxes(scales, held.count, width_px < 480),
    series,
  });
}

function seriesOf(
  pieces: readonly Piece[],
  bars: readonly Bar[],
  run: DrawnRun,
  { sms, count }: Held,
  { time, memory, end }: Scales,
) {
  const step = (of: (piece: Piece) => number) => steps(pieces, time.divisor, of);
  const communication = step((p) => smsOf(p, sms, count).communication);
  const compute = step((p) => smsOf(p, sms, count).compute);
  const traffic = step((p) => p.bytes_per_s / memory.divisor);
  return [
    barSeries(bars, time.divisor),
    area(1, "SMs of communication", "--communication", communication, "sms"),
    area(1, "SMs of compute", "--compute", compute, "sms"),
    area(2, "Memory traffic", "--compute", traffic),
    {
      type: "line",
      name: "Memory bandwidth",
      xAxisIndex: 2,
      yAxisIndex: 2,
      symbol: "none",
      silent: true,
      lineStyle: { color: COLOUR.ink, width: 1, type: "dashed" },
      data: [0, end].map((x) => [x, run.bandwidth_bytes_per_s / memory.divisor]),
    },
    area(
      3,
      "Power",
      "--series-3",
      step((p) => p.power_w),
    ),
  ];
}

interface Hovered {
  readonly seriesName?: string;
  readonly dataIndex: number;
}

function area(grid: number, name: string, colour: string, data: number[][], stack?: string) {
  return {
    type: "line",
    name,
    xAxisIndex: grid,
    yAxisIndex: grid,
    step: "end",
    data,
    symbol: "none",
    emphasis: { disabled: true },
    silent: true,
    lineStyle: { width: 1, color: `var(${colour})` },
    areaStyle: { color: `var(${colour})`, opacity: 0.45 },
    ...(stack === undefined ? {} : { stack, stackStrategy: "all" }),
  };
}

function barSeries(bars: readonly Bar[], divisor: number) {
  return {
    type: "custom",
    name: "kernels",
    xAxisIndex: 0,
    yAxisIndex: 0,
    clip: true,
    emphasis: { disabled: true },
    encode: { x: [0, 1], y: 2 },
    data: bars.map(({ start_s, end_s, lane }) => [start_s / divisor, end_s / divisor, lane]),
    renderItem: (params: CustomSeriesRenderItemParams, api: CustomSeriesRenderItemAPI) => {
      const bar = bars[params.dataIndex];
      if (bar === undefined) return null;
      const [x = 0, y = 0] = api.coord([api.value(0), bar.lane]);
      const [right = 0] = api.coord([api.value(1), bar.lane]);
      const width = Math.max(0.5, right - x);
      const fits = bar.text.length * 7 + 6 <= width;
      return {
        type: "rect" as const,
        shape: { x, y: y - 16, width, height: 32 },
        style: { fill: bar.fill, stroke: "var(--page)", lineWidth: Math.min(1, width / 4) },
        ...(fits
          ? {
              textContent: {
                type: "text" as const,
                style: {
                  text: bar.text,
                  fill: "var(--on-bar)",
                  fontSize: 12,
                  fontFamily: FONT,
                },
              },
              textConfig: { position: "inside" as const },
            }
          : {}),
      };
    },
  };
}

function tipOf(series: string, index: number, pieces: readonly Piece[], bars: readonly Bar[]) {
  const bar = series === "kernels" ? bars[index] : undefined;
  if (bar === undefined) return "";
  const { start_s, end_s } = bar;
  const within = pieces.filter((piece) => piece.start_s < end_s && piece.end_s > start_s);
  const energy_j = within.reduce((sum, p) => sum + p.power_w * (p.end_s - p.start_s), 0);
  return tip(bar.detail, [
    `${duration(start_s)} to ${duration(end_s)}: ${duration(end_s - start_s)}`,
    `${scaled(energy_j / (end_s - start_s), "W")} meanwhile`,
  ]);
}

function stateOf({ communication, moving }: Piece, { communications }: DrawnPartition): string {
  const there = communication === null ? undefined : communications[communication];
  if (there === undefined) return "";
  return `${there.kind.replaceAll("_", "-")}${moving ? "" : ", waiting"}`;
}

function pieceTable(
  pieces: readonly Piece[],
  partition: DrawnPartition,
  sms: number,
  count: number,
) {
  const columns = [
    ["from", "number"],
    ["to", "number"],
    ["kernel", "text"],
    ["communication", "text"],
    ["SMs: compute, communication", "number"],
    ["memory", "number"],
    ["power", "number"],
  ] as const;
  const rows = pieces.map((piece) => {
    const kernel = piece.kernel === null ? undefined : partition.kernels[piece.kernel];
    const held = smsOf(piece, sms, count);
    return [
      duration(piece.start_s),
      duration(piece.end_s),
      kernel?.shape ?? "none (launch)",
      stateOf(piece, partition),
      `${held.compute}, ${held.communication}`,
      scaled(piece.bytes_per_s, "B/s"),
      scaled(piece.power_w, "W"),
    ];
  });
  return rows.length === 0 ? element("p", {}, "Nothing runs.") : table(columns, rows);
}
