import { at } from "../../../base/need.js";
import { duration, plural, scaled } from "../../../base/units.js";
import type { Cloud, DrawnConfiguration, DrawnPartition } from "../model.js";
import { COLOUR, chartIn, quantityAxis, TOOLTIP } from "./charts.js";
import { clockColour } from "./clocks.js";
import { byId, element, key, lazily, table, tip } from "./dom.js";
import { configurationTitle } from "./words.js";

/** What was evaluated of a partition type, its frontier, and what the plan chose. */
export function cloudChart(clocks_mhz: readonly number[], static_power_w: number) {
  const drawing = chartIn(
    "cloud-chart",
    "Energy above static power over time of every evaluated configuration. The table below has the frontier.",
  );
  const showTable = lazily("cloud-details");
  return (partition: DrawnPartition | null, chosen: readonly DrawnConfiguration[]) => {
    const cloud = partition?.cloud ?? null;
    drawing.container.hidden = cloud === null;
    byId("cloud-details").hidden = cloud === null;
    byId("cloud-facts").textContent = cloud === null ? NOT_KNOWN : factsOf(cloud, static_power_w);
    byId("cloud-key").replaceChildren(...(cloud === null ? [] : key(keyOf(clocks_mhz))));
    if (cloud === null || partition === null) return;
    showTable(() => frontierTable(cloud, partition));
    drawing.show(optionsOf(cloud, partition, chosen, { clocks_mhz, static_power_w }));
  };
}

const NOT_KNOWN = "Not available: the folder's measurements.jsonl does not tell of this partition.";

function factsOf({ evaluated, time_s }: Cloud, static_power_w: number): string {
  const shown = time_s.length < evaluated ? `, ${time_s.length} of them drawn` : "";
  return `${plural(evaluated, "configuration")} evaluated${shown}. Energy is that of one GPU above its static ${static_power_w} W, which the whole iteration pays for.`;
}

/** Five clocks tell the ramp. */
function keyOf(clocks_mhz: readonly number[]) {
  const last = clocks_mhz.length - 1;
  const shown = [...new Set([0, 0.25, 0.5, 0.75, 1].map((share) => Math.round(share * last)))];
  const patches = shown.map((i) => {
    const freq_mhz = at(clocks_mhz, i);
    return [`background:${clockColour(freq_mhz, clocks_mhz).fill}`, `${freq_mhz} MHz`] as const;
  });
  return [
    ...patches,
    ["border:2px solid var(--ink);border-radius:50%;width:0.875rem", "in the plan"] as const,
    ["background:var(--ink);height:2px", "frontier"] as const,
  ];
}

interface Given {
  readonly clocks_mhz: readonly number[];
  readonly static_power_w: number;
}

function optionsOf(
  cloud: Cloud,
  partition: DrawnPartition,
  chosen: readonly DrawnConfiguration[],
  { clocks_mhz, static_power_w }: Given,
) {
  const time = quantityAxis("time", Math.max(...cloud.time_s), "s");
  const energy = quantityAxis("energy above static power", Math.max(...cloud.dynamic_j), "J");
  const placeOf = (time_s: number, dynamic_j: number) => [
    time_s / time.divisor,
    dynamic_j / energy.divisor,
  ];
  const picked = chosen.filter(({ cost }) => cost !== null);
  const series = seriesOf(cloud, clocks_mhz, picked, static_power_w, placeOf);
  return (width_px: number) => {
    const narrow = width_px < 480;
    return {
      grid: { left: 56, right: 16, top: 32, bottom: 48, outerBoundsMode: "none" },
      tooltip: {
        ...TOOLTIP,
        formatter: ({ seriesIndex = 0, dataIndex }: { seriesIndex?: number; dataIndex: number }) =>
          seriesIndex === CHOSEN
            ? chosenTip(picked[dataIndex], partition)
            : cloudTip(cloud, dataIndex, partition),
      },
      xAxis: { ...time.axis, nameLocation: "middle", nameGap: 30, splitNumber: narrow ? 3 : 6 },
      yAxis: {
        ...energy.axis,
        nameLocation: "end",
        nameGap: 12,
        splitNumber: 4,
        nameTextStyle: { ...energy.axis.nameTextStyle, align: "left", padding: [0, 0, 0, -48] },
      },
      series,
    };
  };
}

/** What was evaluated, coloured by clock; its frontier; and what the plan chose. */
function seriesOf(
  cloud: Cloud,
  clocks_mhz: readonly number[],
  picked: readonly DrawnConfiguration[],
  static_power_w: number,
  placeOf: (time_s: number, dynamic_j: number) => number[],
) {
  const place = (i: number) => placeOf(at(cloud.time_s, i), at(cloud.dynamic_j, i));
  return [
    {
      type: "scatter",
      symbolSize: 6,
      progressive: 0,
      z: 2,
      emphasis: { disabled: true },
      data: cloud.time_s.map((_, i) => ({
        value: place(i),
        itemStyle: { color: clockColour(at(cloud.freq_mhz, i), clocks_mhz).fill },
      })),
    },
    {
      type: "line",
      symbol: "none",
      silent: true,
      z: 3,
      lineStyle: { width: 1.5, color: COLOUR.ink },
      data: cloud.frontier.map(place),
    },
    {
      type: "scatter",
      symbolSize: 13,
      z: 4,
      emphasis: { disabled: true },
      itemStyle: { color: "transparent", opacity: 1, borderColor: COLOUR.ink, borderWidth: 2 },
      data: picked.map(({ cost }) =>
        cost === null ? [] : placeOf(cost.time_s, cost.energy_j - static_power_w * cost.time_s),
      ),
    },
  ];
}

/** The series of what the plan chose. */
const CHOSEN = 2;

function cloudTip(cloud: Cloud, i: number, partition: DrawnPartition) {
  const slot = partition.slots[at(cloud.slot, i)]?.name ?? "launched last";
  const launch =
    partition.communications.length === 0 ? [] : [slot, plural(at(cloud.sms, i), "SM")];
  return tip(`${at(cloud.freq_mhz, i)} MHz`, [
    ...launch,
    duration(at(cloud.time_s, i)),
    `${scaled(at(cloud.dynamic_j, i), "J")} above static power`,
  ]);
}

function chosenTip(configuration: DrawnConfiguration | undefined, partition: DrawnPartition) {
  if (configuration?.cost == null) return "";
  const { time_s, energy_j, source } = configuration.cost;
  return tip("In the plan", [
    configurationTitle(configuration, partition),
    `${duration(time_s)}, ${scaled(energy_j, "J")} in all, ${source}`,
  ]);
}

function frontierTable(cloud: Cloud, partition: DrawnPartition): HTMLElement {
  const columns = [
    ["time", "number"],
    ["energy above static", "number"],
    ["clock", "number"],
    ["communication starts at", "text"],
    ["its SMs", "number"],
  ] as const;
  const rows = cloud.frontier.map((i) => [
    duration(at(cloud.time_s, i)),
    scaled(at(cloud.dynamic_j, i), "J"),
    `${at(cloud.freq_mhz, i)} MHz`,
    partition.slots[at(cloud.slot, i)]?.name ?? "-",
    String(at(cloud.sms, i)),
  ]);
  return rows.length === 0 ? element("p", {}, "Nothing was evaluated.") : table(columns, rows);
}
