import type { Json } from "../base/json.js";
import { microseconds } from "../base/units.js";
import type { PlanFile, PlanInstruction } from "../plan/plan.js";
import { replicaPower, stagePower } from "../plan/power.js";

/** The process that holds what counts a whole replica; stage s is process s + 1. */
const REPLICA = 0;

/**
 * One iteration of a plan as a trace in the Trace Event Format, which Perfetto (ui.perfetto.dev) and
 * chrome://tracing open: a process per stage with its instructions, its clock and the power of one of
 * its GPUs, and the power of the whole replica. Times in microseconds, as the format has it.
 */
export function perfettoTrace(plan: PlanFile): string {
  const { graph, gpu, point } = plan;
  const events: Json[] = [
    named(REPLICA, `${graph.name} on ${gpu.name}: whole replica`),
    ...counter(REPLICA, "power_w", endedAt(replicaPower(plan), point.time_s)),
    ...plan.stages.flatMap(({ stage, instructions }) => [
      named(stage + 1, `stage ${stage}`),
      ...instructions.map((instruction) => slice(stage + 1, instruction)),
      ...counter(stage + 1, "power_w of one GPU", endedAt(stagePower(plan, stage), point.time_s)),
      ...counter(stage + 1, "freq_mhz", clocksOf(instructions)),
    ]),
  ];
  const lines = events.map((event) => JSON.stringify(event)).join(",\n");
  return `{"displayTimeUnit":"ms","traceEvents":[\n${lines}\n]}\n`;
}

function named(pid: number, name: string): Json {
  return { ph: "M", name: "process_name", pid, tid: 0, args: { name } };
}

function slice(pid: number, instruction: PlanInstruction): Json {
  const { kind, microbatch, chunk, start_s, time_s, energy_j } = instruction;
  const { freq_mhz, switch_from_mhz, execution } = instruction;
  return {
    ph: "X",
    name: microbatch === null ? kind : `${kind} ${microbatch}`,
    cat: kind,
    pid,
    tid: 0,
    ts: microseconds(start_s),
    dur: microseconds(time_s),
    args: {
      microbatch,
      chunk,
      freq_mhz,
      execution,
      time_s,
      energy_j,
      ...(switch_from_mhz === undefined ? {} : { switch_from_mhz }),
    },
  };
}

interface Step {
  readonly start_s: number;
  readonly value: number;
}

function endedAt(
  steps: readonly { readonly start_s: number; readonly power_w: number }[],
  time_s: number,
): Step[] {
  const known = steps.map(({ start_s, power_w }) => ({ start_s, value: power_w }));
  return [...known, { start_s: time_s, value: 0 }];
}

/** The clock where it changes. */
function clocksOf(instructions: readonly PlanInstruction[]): Step[] {
  return instructions
    .filter(({ freq_mhz }, i) => freq_mhz !== instructions[i - 1]?.freq_mhz)
    .map(({ start_s, freq_mhz }) => ({ start_s, value: freq_mhz }));
}

function counter(pid: number, name: string, steps: readonly Step[]): Json[] {
  return steps.map(({ start_s, value }) => ({
    ph: "C",
    name,
    pid,
    tid: 0,
    ts: microseconds(start_s),
    args: { value },
  }));
}
