import { at } from "../base/need.js";
import { duration, plural, scaled } from "../base/units.js";
import type { SweepFile } from "../plan/sweep.js";
import { type Column, table } from "./table.js";

const COLUMNS: readonly Column[] = [
  ["layout", "left"],
  ["GPUs", "right"],
  ["global batch", "right"],
  ["time a sample", "right"],
  ["energy a sample", "right"],
];

type Layout = SweepFile["layouts"][number];

/** What `sweep` says: the best points of all layouts, each with its layout, and what was left out. */
export function sweepSummary({ layouts, points }: SweepFile): string {
  const rows = points.map((point) => {
    const layout = at(layouts, point.layout);
    return [
      settingsOf(layout),
      layout.gpus,
      layout.samples,
      duration(point.time_s_per_sample),
      scaled(point.energy_j_per_sample, "J"),
    ];
  });
  const left = layouts.filter(({ left_out }) => left_out !== undefined);
  const used = new Set(points.map(({ layout }) => layout));
  const differs = (value: (layout: Layout) => number) =>
    new Set([...used].map((i) => value(at(layouts, i)))).size > 1;
  const first = left.slice(0, MOST).map((each) => `  ${settingsOf(each)}: ${each.left_out}`);
  const lines = [
    table(COLUMNS, rows),
    `${plural(layouts.length, "layout")}; ${plural(used.size, "layout")} on the frontier of all.`,
    ...(differs(({ gpus }) => gpus)
      ? ["They use different numbers of GPUs; --gpus holds one."]
      : []),
    ...(differs(({ samples }) => samples)
      ? ["Their global batches differ; --global-batch holds one."]
      : []),
    ...(left.length === 0 ? [] : [`Left out: ${plural(left.length, "layout")}.`, ...first]),
    "Compared on every second clock and with a few SM counts; optimize the layout that you choose.",
  ];
  return `${lines.join("\n")}\n`;
}

/** Left-out layouts that are told one by one. */
const MOST = 4;

function settingsOf({ settings }: Layout): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}
