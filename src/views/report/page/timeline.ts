import { at } from "../../../base/need.js";
import { duration, scaled } from "../../../base/units.js";
import type { DrawnBaseline, DrawnPlan, ReportData } from "../model.js";
import { clockColour } from "./clocks.js";
import { byId, key, lazily, selectById, table } from "./dom.js";
import { type Box, boxesOf, isLong, laneChart, nameOf } from "./lanes.js";
import { powerChart } from "./power.js";

/** The page's times are rounded: a smaller share of an iteration is that. */
const ROUNDED = 1e-7;

const PARTS = [
  "rival-part",
  "timeline-title",
  "timeline-chart",
  "timeline-key",
  "power-chart",
  "stage-table",
  "instruction-details",
];
const HOW_TO_LOOK =
  "The slider below moves along the iteration; its ends, and Ctrl with the wheel, zoom.";

/**
 * The pipeline of one plan below that of a baseline, and their power. Returns what draws a plan, or says
 * what it `lack`s.
 * @param choose gets the configuration that takes most of the instruction that is clicked
 */
export function timelineChart(data: ReportData, choose: (configuration: number) => void) {
  const { lanes, clocks_mhz } = data;
  const label =
    "What each stage of the pipeline runs over time. The tables below have the same values.";
  const drill = ({ option }: Box) => {
    if (option.longest !== null) choose(option.longest);
  };
  const draw = laneChart("timeline-chart", label, lanes, clocks_mhz, drill);
  const rival = rivalChart(data);
  const drawPower = powerChart(data);
  const showInstructions = lazily("instruction-details");
  const chunked = lanes.some((lane) => lane.some(([, , chunk]) => chunk > 0));
  let again = () => {};
  rival.listen(() => again());
  return (plan: DrawnPlan | null, time_s: number, lack: string) => {
    for (const id of PARTS) byId(id).hidden = plan === null;
    byId("timeline-facts").textContent = plan === null ? lack : isLong(lanes) ? HOW_TO_LOOK : "";
    if (plan === null) return;
    const boxes = boxesOf(plan, lanes);
    showStages(boxes, data, time_s);
    showInstructions(() => instructionTable(boxes, chunked));
    again = () => {
      const other = rival.chosen();
      const end_s = Math.max(time_s, other?.time_s ?? time_s);
      const others = other === null ? [] : boxesOf(other.plan, other.lanes);
      showKey([...boxes, ...others], clocks_mhz);
      rival.draw(other, others, end_s);
      draw({ boxes, stages: lanes.length, time_s, end_s });
      drawPower({ boxes, time_s, drawn: plan }, other, end_s);
    };
    again();
  };
}

/** The timeline of a baseline, which one the reader chooses. */
function rivalChart({ baselines, lanes, clocks_mhz }: ReportData) {
  const drawn = baselines.flatMap(({ label, fastest }) =>
    fastest === null ? [] : [{ label, fastest }],
  );
  const select = selectById("rival-choice");
  const label = "What each stage runs over time in the fastest plan of a baseline.";
  const draw = laneChart("rival-chart", label, lanes, clocks_mhz, () => {});
  select.replaceChildren(
    ...drawn.map((each, index) => new Option(each.label, String(index))),
    new Option("nothing", ""),
  );
  const usual = drawn.findIndex((each) => each.label.startsWith("Sequential, frequency"));
  select.value = drawn.length === 0 ? "" : String(Math.max(0, usual));
  byId("rival-label").hidden = drawn.length === 0;
  const chosen = (): DrawnBaseline | null =>
    select.value === "" ? null : at(drawn, Number(select.value)).fastest;
  return {
    chosen,
    listen: (changed: () => void) => select.addEventListener("change", changed),
    draw: (other: DrawnBaseline | null, boxes: readonly Box[], end_s: number) => {
      byId("rival-chart").hidden = other === null;
      if (other === null) return;
      draw({ boxes, stages: other.lanes.length, time_s: other.time_s, end_s });
    },
  };
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
    const memory = data.peak_memory_bytes[stage];
    const busy_s = own.reduce((sum, { option }) => sum + option.time_s, 0);
    const spent_j = own.reduce((sum, { option }) => sum + option.energy_j, 0);
    const left_s = time_s - busy_s;
    const idle_s = left_s > ROUNDED * time_s ? left_s : 0;
    const clocks = [...new Set(own.map(({ option }) => option.freq_mhz))].sort((a, b) => a - b);
    const [low = 0, high = 0] = [clocks[0], clocks.at(-1)];
    return [
      `stage ${stage}`,
      duration(busy_s),
      `${duration(idle_s)} (${((100 * idle_s) / time_s).toFixed(1)}%)`,
      low === high ? `${low} MHz` : `${low} to ${high} MHz`,
      scaled(spent_j + static_power_w * idle_s, "J"),
      memory === undefined ? "not known" : scaled(memory, "B"),
    ];
  });
  const columns = [
    ["stage", "text"],
    ["busy", "number"],
    ["idle", "number"],
    ["clocks", "number"],
    ["energy of one GPU", "number"],
    ["peak memory", "number"],
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
