import type { Command } from "commander";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { badDeadline, deadlineOutsideTrace } from "../../base/diagnostics/fleet.js";
import { missingFlags } from "../../base/diagnostics/usage.js";
import { readText, writeText } from "../../base/files.js";
import { at, present } from "../../base/need.js";
import type { Schedule } from "../../fleet/schedule.js";
import { GOALS, type Goal } from "../../fleet/totals.js";
import type { Trace } from "../../fleet/trace.js";
import { type FrontierFile, replicaStaticPower } from "../../plan/frontier.js";
import type { ScheduleFile } from "../../plan/schedule.js";
import {
  addFlags,
  choice,
  integer,
  quantity,
  readFlags,
  text,
  toggle,
  type Values,
} from "../flags.js";
import { readFrontierAt } from "../run-folder.js";

const FLAGS = {
  trace: text("--trace <file>", "carbon intensity, price or allowed power over time (CSV)", null),
  iterations: integer("--iterations <n>", "training iterations to be done", null, {
    min: 1,
    max: 1_000_000_000,
  }),
  deadline: text("--deadline <time>", "when they end at the latest: ISO 8601, or seconds", null),
  minimize: choice(
    "--minimize <what>",
    `${GOALS.join(", ")} (default: the first of them that the trace tells)`,
    GOALS,
    null,
  ),
  pausing: toggle("--pausing", "the job may wait, and draws nothing meanwhile"),
  reload: quantity("--reload-s <s>", "time that taking another plan up takes", "seconds", 0),
  out: text("--out <file>", "write the schedule to this file", null),
  json: toggle("--json", "the schedule as JSON on stdout, diagnostics as JSON lines on stderr"),
} as const;

const EXAMPLES = `
A trace is CSV with a column time (ISO 8601 with its zone, or seconds) and one or more of
carbon_g_per_kwh, price_per_kwh and power_w (a cap). A value holds until the next row, the last for as
long as the row before it. Seconds count from the first row, or are the trace's own.
Energy, carbon and cost count every GPU of one data-parallel replica.

Examples:
  $ kareus schedule llama.kareus --trace carbon.csv --iterations 60000 --deadline 2025-03-04T00:00Z
  $ kareus schedule llama.kareus --trace prices.csv --iterations 9000 --deadline 86400 --pausing --json`;

/** `kareus schedule`: which point of a frontier to run when. */
export function addSchedule(program: Command): void {
  const command = program
    .command("schedule")
    .summary("which point to run when, over carbon intensity, price or allowed power")
    .description(
      "Choose the point to run in every slot of a trace, so that a number of iterations ends in time with the least carbon, cost or energy.",
    )
    .argument("<dir|frontier.json>", "what optimize wrote, - for a frontier on standard input")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((source: string) => run(source, readFlags(command, FLAGS)));
}

async function run(source: string, flags: Values<typeof FLAGS>): Promise<void> {
  const { trace: path, iterations, deadline } = flags;
  if (path === null || iterations === null || deadline === null) {
    const given = { "--trace": path, "--iterations": iterations, "--deadline": deadline };
    const missing = Object.entries(given).filter(([, value]) => value === null);
    return fail(
      missingFlags(
        "kareus schedule",
        missing.map(([name]) => name),
      ),
    );
  }
  const [{ readTrace }, { scheduleOf }, { select }, { writeSchedule }] = await Promise.all([
    import("../../fleet/read-trace.js"),
    import("../../fleet/schedule.js"),
    import("../../plan/select.js"),
    import("../../plan/schedule.js"),
  ]);
  const { path: where, frontier } = await readFrontierAt(source);
  const knee = select(frontier, { by: "knee" }, where).id;
  const trace = readTrace(await readText(path), path);
  const minimize = flags.minimize ?? goalOf(trace);
  const schedule = scheduleOf({
    points: frontier.points.map(({ id, time_s, energy_j, average_power_w }) => ({
      id,
      time_s,
      energy_j,
      power_w: average_power_w,
    })),
    knee,
    reload_w: replicaStaticPower(frontier),
    reload_s: flags.reload,
    slots: trace.slots,
    where: path,
    iterations,
    deadline_s: deadlineOf(deadline, trace),
    minimize,
    pausing: flags.pausing,
  });
  const file = fileOf(schedule, frontier, minimize, flags.reload);
  const content = writeSchedule(file);
  if (flags.out !== null) await writeText(flags.out, content);
  if (flags.json) {
    process.stdout.write(content);
    return;
  }
  const { scheduleSummary } = await import("../../views/schedule.js");
  process.stdout.write(scheduleSummary(file, frontier, trace));
}

/** The first goal that every slot of the trace tells. */
function goalOf({ slots }: Trace): Goal {
  if (slots.every(({ carbon_g_per_kwh }) => carbon_g_per_kwh !== null)) return "carbon";
  return slots.every(({ price_per_kwh }) => price_per_kwh !== null) ? "cost" : "energy";
}

/** Seconds on the trace's axis; a date only where the trace has dates. */
function deadlineOf(given: string, { origin_s, slots }: Trace): number {
  const seconds = Number(given);
  const date_s = Date.parse(given) / 1000;
  const isDate = !Number.isFinite(seconds);
  if (isDate && Number.isNaN(date_s)) fail(badDeadline(given, "neither seconds nor a date"));
  if (isDate && origin_s === null) fail(badDeadline(given, "the trace counts seconds, not dates"));
  if (isDate && !/(Z|[+-]\d{2}:?\d{2})$/.test(given)) fail(badDeadline(given, "it names no zone"));
  const deadline_s = isDate ? date_s - present(origin_s, "origin") : seconds;
  const [start_s, end_s] = [at(slots, 0).start_s, at(slots, -1).end_s];
  if (deadline_s > start_s && deadline_s <= end_s) return deadline_s;
  return fail(deadlineOutsideTrace(deadline_s, start_s, end_s));
}

function fileOf(
  { slots, totals, baselines, optimum }: Schedule,
  { graph, gpu }: FrontierFile,
  minimize: Goal,
  reload_s: number,
): ScheduleFile {
  const used = slots.findLastIndex(({ runs }) => runs.length > 0) + 1;
  return {
    format: "kareus-schedule",
    version: 1,
    graph: graph.name,
    gpu,
    minimize,
    reload_s,
    slots: slots.slice(0, used).map(({ slot: { start_s, end_s }, runs }) => ({
      start_s,
      end_s,
      runs: runs.map(({ point, iterations }) => ({ point, iterations })),
    })),
    totals,
    baselines: [...baselines],
    optimum,
  };
}
