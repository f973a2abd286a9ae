import { duration, plural, scaled } from "../../base/units.js";
import type { Cause, ExplanationFile, Scope } from "../../plan/explanation.js";
import { describeError } from "../../plan/frontier.js";
import { sourcesInWords } from "../sources.js";
import { type Column, table } from "../table.js";
import { workloadSentence } from "../workload.js";
import { CAUSES } from "./decompose.js";

/** What causes are called. */
export const CAUSE_WORDS: Readonly<Record<Cause, string>> = {
  compute: "compute",
  contention: "contention",
  exposed_communication: "exposed communication",
  throttling: "throttling",
  launches: "waiting for launches",
  clock_switches: "clock switches",
  tail: "tail",
  bubbles: "bubbles",
};

/** Partition types and changed settings that are listed. */
const MOST = 12;

/** What `explain` says: by cause, by stage, by partition type, and what the next point changes. */
export function explanationSummary(found: ExplanationFile): string {
  const { graph, gpu, gpus_per_stage, stages, point, total } = found;
  const size = `${plural(stages.length, "stage")} x ${plural(gpus_per_stage, "GPU")}`;
  const time = `${duration(point.time_s)} x ${stages.length} stages = ${duration(total.time_s)}`;
  const lines = [
    `Point ${point.id} of ${graph.name} on ${gpu} (${size}): ${duration(point.time_s)}, ${scaled(point.energy_j, "J")}`,
    "",
    `Where ${time} and ${scaled(total.energy_j, "J")} go:`,
    "",
    causeTable(total),
    ...belowZero(total),
    stageTable(found),
    partitionTable(found),
    sourceSentence(found),
    ...errorLines(found),
    ...executionLines(found),
    ...nextLines(found),
  ];
  return `${lines.join("\n")}\n`;
}

function percent(part: number, whole: number): string {
  if (whole === 0) return "-";
  // Without a sign where the digits shown are all zero.
  return `${((100 * part) / whole).toFixed(1).replace(/^-(0\.0)$/, "$1")}%`;
}

/** Causes that take no time are left out. */
const present = (scope: Scope) => CAUSES.filter((cause) => scope.causes[cause].time_s !== 0);

function causeTable(total: Scope): string {
  const columns: readonly Column[] = [
    ["cause", "left"],
    ["time", "right"],
    ["share", "right"],
    ["static energy", "right"],
    ["share", "right"],
  ];
  const { time_s, energy_j, dynamic_j, causes } = total;
  const rows = present(total).map((cause) => {
    const own = causes[cause];
    const time = [duration(own.time_s), percent(own.time_s, time_s)];
    return [
      CAUSE_WORDS[cause],
      ...time,
      scaled(own.static_j, "J"),
      percent(own.static_j, energy_j),
    ];
  });
  const dynamic = ["dynamic energy", "", "", scaled(dynamic_j, "J"), percent(dynamic_j, energy_j)];
  const sum = [
    "total, dynamic and static",
    duration(time_s),
    "100%",
    scaled(energy_j, "J"),
    "100%",
  ];
  return table(columns, [...rows, dynamic, sum]);
}

/** Why a cause takes less than no time. */
function belowZero(total: Scope): string[] {
  return present(total)
    .filter((cause) => total.causes[cause].time_s < 0)
    .map((cause) => {
      const why =
        cause === "clock_switches"
          ? "until its switch has happened an instruction runs at the clock before it, mostly a higher one here: that saves more time than it costs"
          : "its runs were measured faster than the model that tells causes apart";
      return `Below zero, ${CAUSE_WORDS[cause]}: ${why}.\n`;
    });
}

function stageTable({ stages, total }: ExplanationFile): string {
  const causes = present(total);
  const columns: readonly Column[] = [
    ["stage", "right"],
    ...causes.map((cause): Column => [CAUSE_WORDS[cause], "right"]),
    ["dynamic energy", "right"],
    ["energy", "right"],
  ];
  const rows = stages.map((scope) => [
    scope.stage,
    ...causes.map((cause) => percent(scope.causes[cause].time_s, scope.time_s)),
    scaled(scope.dynamic_j, "J"),
    scaled(scope.energy_j, "J"),
  ]);
  return `By stage, in shares of its time:\n\n${table(columns, rows)}`;
}

function partitionTable({ partitions, total }: ExplanationFile): string {
  const columns: readonly Column[] = [
    ["partition type", "left"],
    ["beside", "left"],
    ["runs", "right"],
    ["time", "right"],
    ["contention", "right"],
    ["exposed", "right"],
    ["throttling", "right"],
    ["energy", "right"],
    ["share", "right"],
  ];
  const listed = partitions.toSorted((a, b) => b.energy_j - a.energy_j).slice(0, MOST);
  const rows = listed.map((each) => {
    const { causes, time_s, energy_j } = each;
    const shares = (["contention", "exposed_communication", "throttling"] as const).map((cause) =>
      percent(causes[cause].time_s, time_s),
    );
    const energy = [scaled(energy_j, "J"), percent(energy_j, total.energy_j)];
    const beside = each.communication?.replaceAll("_", "-") ?? "-";
    const name = [each.name, beside, each.runs];
    return [...name, duration(time_s), ...shares, ...energy];
  });
  const left = partitions.length - listed.length;
  const more = left > 0 ? `${left} more are in --json.\n` : "";
  return `By partition type, the dearest first:\n\n${table(columns, rows)}${more}`;
}

function sourceSentence({ sources }: ExplanationFile): string {
  return `Costs of the runs of partitions: ${sourcesInWords(sources)}. How a cost divides into causes is modelled.\n`;
}

/** How far off the point may be; empty where its plan does not say. */
function errorLines({ expected_error, workload, gpu }: ExplanationFile): string[] {
  if (expected_error === undefined) return [];
  const error = `Expected error: ${describeError(expected_error)}.`;
  return [workload === undefined ? error : `${error} ${workloadSentence(workload, gpu)}`, ""];
}

/** What the same iteration takes when its kernels come to run in another way. */
function executionLines({ executions = [] }: ExplanationFile): string[] {
  if (executions.length === 0) return [];
  const lines = executions.map(
    ({ name, time_s, energy_j }) =>
      `  ${name.padEnd(8)} ${duration(time_s)}, ${scaled(energy_j, "J")}`,
  );
  const heading =
    "By execution, sequential at the highest clock (--execution says which is yours):";
  return [heading, ...lines, ""];
}

const signed = (text: string, value: number) => (value > 0 ? `+${text}` : text);

function nextLines({ point, next, next_point }: ExplanationFile): string[] {
  if (next_point === null) return ["This is the point of least energy: no slower point uses less."];
  if (next_point === undefined) return ["Whether a slower point uses less is not in this plan."];
  const { id, time_s, energy_j } = next_point;
  const less_j = energy_j - point.energy_j;
  const head = `The next point, ${id}, takes ${duration(time_s)} and ${scaled(energy_j, "J")} (${signed(scaled(less_j, "J"), less_j)})`;
  if (next === null) return [`${head}; what it sets otherwise is in its own plan.`];
  const moved = CAUSES.map((cause) => ({ cause, ...next.causes[cause] })).filter(
    ({ time_s }) => Math.abs(time_s) > 1e-9 * Math.abs(next.point.time_s),
  );
  const time = moved.map(
    ({ cause, time_s }) => `${CAUSE_WORDS[cause]} ${signed(duration(time_s), time_s)}`,
  );
  const static_j = next.energy_j - next.dynamic_j;
  const energy = [
    `dynamic ${signed(scaled(next.dynamic_j, "J"), next.dynamic_j)}`,
    `static ${signed(scaled(static_j, "J"), static_j)}`,
  ];
  const left = next.settings.length - MOST;
  return [
    `${head}:`,
    `  time over all stages: ${time.join(", ") || "no change"}`,
    `  energy: ${energy.join(", ")}`,
    ...next.settings.slice(0, MOST).map((line) => `  ${line}`),
    ...(left > 0 ? [`  and ${left} more settings; --json has all`] : []),
  ];
}
