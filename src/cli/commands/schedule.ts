import { dirname, relative } from "node:path";
import type { Command } from "commander";
import { fail, refuse } from "../../base/diagnostics/diagnostic.js";
import {
  badDeadline,
  deadlineOutsideTrace,
  otherTimes,
  replannedTooLate,
} from "../../base/diagnostics/fleet.js";
import { missingFlags } from "../../base/diagnostics/usage.js";
import { writeText } from "../../base/files.js";
import { at, present } from "../../base/need.js";
import type { Replanned } from "../../fleet/replan.js";
import type { Schedule } from "../../fleet/schedule.js";
import type { ScheduleProblem } from "../../fleet/schedule-problem.js";
import { GOALS, type Goal, goalOf as totalOf } from "../../fleet/totals.js";
import { slotsUntil, type Trace } from "../../fleet/trace.js";
import { replicaStaticPower } from "../../plan/frontier.js";
import type { ScheduleFile } from "../../plan/schedule.js";
import { BEYOND_FLAGS, beyondOf } from "../beyond.js";
import { toggle } from "../flags/flag.js";
import { integer, quantity } from "../flags/numbers.js";
import { addFlags, readFlags, type Values } from "../flags/table.js";
import { choice, text } from "../flags/texts.js";
import { readFrontierAt } from "../run-folder.js";
import { print, say } from "../terminal.js";
import { TRACE_FLAGS, TRACE_HELP, traceAt } from "../trace-flags.js";

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
  forecast: text(
    "--forecast <persistence|file>",
    "plan anew in every slot: later ones as the day before, or as another trace says",
    null,
  ),
  pausing: toggle("--pausing", "the job may wait, and draws nothing meanwhile"),
  reload: quantity("--reload-s <s>", "time that taking another plan up takes", "seconds", 0),
  ...TRACE_FLAGS,
  ...BEYOND_FLAGS,
  picture: text(
    "--picture <file>",
    "draw it: trace, points and what adds up (.svg or .html)",
    null,
  ),
  out: text("--out <file>", "write the schedule to this file", null),
  json: toggle("--json", "the schedule as JSON on stdout, diagnostics as JSON lines on stderr"),
} as const;

const EXAMPLES = `${TRACE_HELP}
Seconds count from the first row, or are the trace's own. Energy, carbon and cost count every GPU of all
data-parallel replicas, and their nodes, network and site where told.
A change of the plan costs --reload-s at static power: the schedule makes fewer of them where they are dear.

Examples:
  $ kareus schedule llama.kareus --trace carbon.csv --iterations 60000 --deadline 2025-03-04T00:00Z
  $ kareus schedule llama.kareus --trace DE_2024_hourly.csv --emissions life-cycle --forecast persistence \\
      --iterations 60000 --deadline 2024-03-04T00:00Z --picture week.svg
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
  const [
    { scheduleOf },
    { select },
    { frontierBeyond, jobPower },
    { gpusOfJob },
    { writeSchedule },
  ] = await Promise.all([
    import("../../fleet/schedule.js"),
    import("../../plan/select.js"),
    import("../../plan/beyond-gpus.js"),
    import("../../plan/gpus.js"),
    import("../../plan/schedule.js"),
  ]);
  const { path: where, frontier } = await readFrontierAt(source);
  const beyond = beyondOf(flags, frontier);
  const trace = await traceAt(path, flags, flags.forecast === null ? flags.values : "actual");
  const minimize = flags.minimize ?? goalOf(trace);
  const problem: ScheduleProblem = {
    points: frontier.points.map(({ id, time_s, average_power_w }) => {
      const power_w = jobPower(average_power_w, frontier, beyond);
      return { id, time_s, power_w, energy_j: power_w * time_s };
    }),
    knee: select(frontierBeyond(frontier, beyond), { by: "knee" }, where).id,
    reload_w: jobPower(replicaStaticPower(frontier), frontier, beyond),
    reload_s: flags.reload,
    slots: trace.slots,
    where: path,
    iterations,
    deadline_s: deadlineOf(deadline, trace),
    minimize,
    pausing: flags.pausing,
  };
  const known = scheduleOf(problem);
  const blind =
    flags.forecast === null ? null : await unknowing(problem, trace, flags.forecast, flags);
  const file: ScheduleFile = {
    format: "kareus-schedule",
    version: 1,
    graph: frontier.graph.name,
    gpu: frontier.gpu,
    gpus: gpusOfJob(frontier.parallelism),
    ...(where === "-"
      ? {}
      : { frontier: relative(flags.out === null ? "." : dirname(flags.out), where) }),
    minimize,
    ...(trace.origin_s === null ? {} : { origin: new Date(trace.origin_s * 1000).toISOString() }),
    ...(trace.settled.length === 0 ? {} : { settled: [...trace.settled] }),
    ...(beyond === null ? {} : { beyond_gpus: beyond }),
    reload_s: flags.reload,
    slots: slotsOf(blind === null ? known.slots : blind.slots),
    totals: blind === null ? known.totals : blind.totals,
    baselines: [...known.baselines],
    optimum: known.optimum,
    ...(blind === null || flags.forecast === null
      ? {}
      : { forecast: { by: flags.forecast, ...regretOf(known, blind, minimize) } }),
  };
  const content = writeSchedule(file);
  if (flags.out !== null) await writeText(flags.out, content);
  if (flags.picture !== null) {
    const { schedulePicture } = await import("../../views/schedule-picture.js");
    await writeText(flags.picture, schedulePicture(file, problem.points, trace, flags.picture));
  }
  if (flags.json) {
    print(content);
    return;
  }
  const { scheduleSummary } = await import("../../views/schedule.js");
  say(scheduleSummary(file, problem.points, trace));
}

/** What is run by one who believes a forecast. Refuses where that ends too late (KRS4414). */
async function unknowing(
  problem: ScheduleProblem,
  trace: Trace,
  by: string,
  flags: Values<typeof TRACE_FLAGS>,
): Promise<Replanned> {
  const { foretold, persistence, replanned } = await import("../../fleet/replan.js");
  const { deadline_s } = problem;
  const slots = slotsUntil(problem.slots, deadline_s);
  const other = by === "persistence" ? null : await traceAt(by, flags, "forecast");
  const shift_s = other === null ? 0 : shiftBetween(other, trace, by);
  const forecast = other === null ? persistence(slots) : foretold(other, shift_s, slots, by);
  return replanned(problem, forecast) ?? refuse(replannedTooLate(deadline_s));
}

/** What times of one trace need to be those of another; fails where only one has dates (KRS4409). */
function shiftBetween(from: Trace, to: Trace, where: string): number {
  if (from.origin_s === null && to.origin_s === null) return 0;
  if (from.origin_s === null || to.origin_s === null) return fail(otherTimes(where));
  return from.origin_s - to.origin_s;
}

function regretOf(known: Schedule, blind: Replanned, minimize: Goal) {
  const best = present(totalOf(known.totals, minimize), "goal");
  const own = present(totalOf(blind.totals, minimize), "goal");
  return { hindsight: known.totals, regret: best === 0 ? null : (own - best) / Math.abs(best) };
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

/** What starts in each slot up to the last that is used. */
function slotsOf(slots: Schedule["slots"]): ScheduleFile["slots"] {
  const used = slots.findLastIndex(({ runs }) => runs.length > 0) + 1;
  return slots.slice(0, used).map(({ slot: { start_s, end_s }, runs }) => ({
    start_s,
    end_s,
    runs: runs.map(({ point, iterations }) => ({ point, iterations })),
  }));
}
