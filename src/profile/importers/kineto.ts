import { z } from "zod";
import { at, byDefault, sumOf } from "../../base/need.js";
import type { CollectiveKind } from "../../ir/kernel-graph.js";
import { dtypeBytes } from "../../ir/work.js";
import { JsonFault } from "./json-events.js";
import { elementType, type OperatorCall } from "./operators.js";
import { type CollectiveRun, countOne, type OperatorRun, type Trace } from "./trace.js";

/*
 * Chrome traces as PyTorch's profiler (Kineto) writes them. A launch (category cuda_runtime) lies
 * within the operator call of its thread, and shares its correlation with the kernel that it
 * started. Times are in microseconds.
 */

const MICROSECONDS = 1e6;

const id = z.union([z.int(), z.string()]);
const timed = {
  ph: z.literal("X"),
  name: z.string(),
  ts: z.number(),
  dur: z.number().nonnegative(),
};
const hostEvent = z.object({ ...timed, cat: z.string(), pid: id, tid: id });

const operatorEvent = z.object({
  ...hostEvent.shape,
  cat: z.enum(["cpu_op", "Operator"]),
  args: z
    .object({
      "Input Dims": z.array(z.unknown()).optional(),
      "Input type": z.array(z.string()).optional(),
      "Input Types": z.array(z.string()).optional(),
      "Concrete Inputs": z.array(z.unknown()).optional(),
    })
    .optional(),
});

const launchEvent = z.object({
  ...hostEvent.shape,
  cat: z.enum(["cuda_runtime", "cuda_driver", "Runtime"]),
  args: z.object({ correlation: z.int() }),
});

const deviceEvent = z.object({
  ...timed,
  cat: z.enum(["kernel", "Kernel", "gpu_memcpy", "gpu_memset"]),
  args: z.object({
    device: id.optional(),
    stream: id.optional(),
    correlation: z.int().optional(),
    "graph node id": z.int().optional(),
    grid: z.array(z.int()).optional(),
    "Collective name": z.string().optional(),
    "In msg nelems": z.int().optional(),
    "Out msg nelems": z.int().optional(),
    "Group size": z.int().optional(),
    dtype: z.string().optional(),
  }),
});

const properties = z.array(z.object({ name: z.string() }));
const event = z.object({ ph: z.string(), cat: z.string().optional() });

type OperatorEvent = z.output<typeof operatorEvent>;
type LaunchEvent = z.output<typeof launchEvent>;
type DeviceEvent = z.output<typeof deviceEvent>;

/** A kernel or copy, and whether anything of another stream ran on the device meanwhile. */
interface DeviceRun {
  readonly event: DeviceEvent;
  contended: boolean;
}

/** Collectives by the name that torch gives them; `full`: which message is the whole tensor. */
const COLLECTIVES: Readonly<Record<string, { kind: CollectiveKind; full: "In" | "Out" }>> = {
  allreduce: { kind: "all_reduce", full: "In" },
  allreduce_coalesced: { kind: "all_reduce", full: "In" },
  allgather: { kind: "all_gather", full: "Out" },
  _allgather_base: { kind: "all_gather", full: "Out" },
  allgather_into_tensor_coalesced: { kind: "all_gather", full: "Out" },
  reduce_scatter: { kind: "reduce_scatter", full: "In" },
  _reduce_scatter_base: { kind: "reduce_scatter", full: "In" },
  reduce_scatter_tensor_coalesced: { kind: "reduce_scatter", full: "In" },
  alltoall: { kind: "all_to_all", full: "In" },
  alltoall_base: { kind: "all_to_all", full: "In" },
  all_to_all: { kind: "all_to_all", full: "In" },
  all_to_allv: { kind: "all_to_all", full: "In" },
  send: { kind: "send", full: "In" },
  recv: { kind: "recv", full: "Out" },
};

/** More would not fit into memory: about 500 bytes each. */
const MOST_KEPT = 4_000_000;

/** Takes a trace event by event; keeps those of operators, launches and the GPU. */
export class KinetoReader {
  readonly #operators: OperatorEvent[] = [];
  readonly #launches: LaunchEvent[] = [];
  readonly #runs: DeviceRun[] = [];
  #gpu: string | null = null;

  /** Takes an item; whether it is an event at all. Throws a {@link JsonFault} for too many. */
  add(item: unknown): boolean {
    const read = event.safeParse(item);
    if (!read.success) return false;
    if (read.data.ph === "X") this.#keep(read.data.cat, item);
    if (this.#operators.length + this.#launches.length + this.#runs.length > MOST_KEPT) {
      throw new JsonFault("over 4 million events of operators and the GPU: trace fewer iterations");
    }
    return true;
  }

  #keep(category: string | undefined, item: unknown): void {
    const kept = <T>(schema: z.ZodType<T>, list: (event: T) => void) => {
      const read = schema.safeParse(item);
      if (read.success) list(read.data);
    };
    if (isOneOf(operatorEvent.shape.cat.options, category))
      kept(operatorEvent, (operator) => this.#operators.push(operator));
    else if (isOneOf(launchEvent.shape.cat.options, category))
      kept(launchEvent, (launch) => this.#launches.push(launch));
    else if (isOneOf(deviceEvent.shape.cat.options, category))
      kept(deviceEvent, (run) => this.#runs.push({ event: run, contended: false }));
  }

  /** Takes what the trace says of its devices. */
  addProperties(value: unknown): void {
    this.#gpu = properties.safeParse(value).data?.[0]?.name ?? null;
  }

  /** What the trace holds. */
  trace(): Trace {
    markContention(this.#runs);
    const skipped = new Map<string, number>();
    const collectives = this.#runs.filter((run) => isCollective(run.event));
    const others = this.#runs.filter((run) => !isCollective(run.event));
    return {
      operators: operatorRuns(this.#operators, this.#launches, others, skipped),
      collectives: collectives.flatMap((run) => collectiveRun(run, skipped)),
      kernels: this.#runs.filter((run) => /^kernel$/i.test(run.event.cat)).length,
      skipped,
      gpu: this.#gpu,
      notes: overlapNote(collectives, others),
    };
  }
}

const isOneOf = (options: readonly string[], category: string | undefined): boolean =>
  category !== undefined && options.includes(category);

function isCollective({ name, args }: DeviceEvent): boolean {
  return args["Collective name"] !== undefined || /nccl/i.test(name);
}

function collectiveRun(
  { event: { args, dur }, contended }: DeviceRun,
  skipped: Map<string, number>,
): CollectiveRun[] {
  const known = COLLECTIVES[byDefault(args["Collective name"], "")];
  if (known === undefined) {
    const name = args["Collective name"] ?? "without a name";
    countOne(skipped, `collective ${name}: unknown, or the trace has no message sizes`);
    return [];
  }
  const elements = args[known.full === "In" ? "In msg nelems" : "Out msg nelems"];
  const ranks = args["Group size"];
  const dtype = elementType(byDefault(args.dtype, ""));
  if (!elements || !ranks || ranks < 1 || dtype === "unknown" || dur === 0) {
    countOne(skipped, "collective without size, type or ranks");
    return [];
  }
  const [sms = null] = args.grid ?? [];
  const size_bytes = elements * dtypeBytes(dtype);
  return [{ kind: known.kind, size_bytes, ranks, sms, time_s: dur / MICROSECONDS, contended }];
}

const end = ({ ts, dur }: { ts: number; dur: number }) => ts + dur;

/** Marks runs that overlap a run of another stream of the same device: one sweep over starts. */
function markContention(runs: readonly DeviceRun[]): void {
  const sorted = [...runs].sort((a, b) => a.event.ts - b.event.ts);
  let open: DeviceRun[] = [];
  for (const run of sorted) {
    open = open.filter((earlier) => end(earlier.event) > run.event.ts);
    for (const earlier of open) {
      const [a, b] = [earlier.event.args, run.event.args];
      if (a.device !== b.device || a.stream === b.stream) continue;
      earlier.contended = true;
      run.contended = true;
    }
    open.push(run);
  }
}

interface Interval {
  readonly from: number;
  to: number;
}

/** When anything ran on each device: disjoint intervals in order. */
function busyTimes(runs: readonly DeviceRun[]): Map<string, Interval[]> {
  const busy = new Map<string, Interval[]>();
  const sorted = runs.map(({ event }) => event).sort((a, b) => a.ts - b.ts);
  for (const event of sorted) {
    const device = String(event.args.device);
    const intervals = busy.get(device) ?? [];
    busy.set(device, intervals);
    const last = intervals.at(-1);
    if (last !== undefined && event.ts <= last.to) last.to = Math.max(last.to, end(event));
    else intervals.push({ from: event.ts, to: end(event) });
  }
  return busy;
}

/** How much of the communication was hidden behind other kernels, in words. */
function overlapNote(collectives: readonly DeviceRun[], others: readonly DeviceRun[]): string[] {
  const total = collectives.reduce((sum, { event }) => sum + event.dur, 0);
  if (total === 0) return [];
  const busy = busyTimes(others);
  const next = new Map<string, number>();
  let hidden = 0;
  const inOrder = collectives.map(({ event }) => event).sort((a, b) => a.ts - b.ts);
  for (const event of inOrder) {
    const device = String(event.args.device);
    const intervals = busy.get(device) ?? [];
    let i = sumOf(next, device);
    // What ended before this collective began is behind all later ones too.
    while ((intervals[i]?.to ?? event.ts) < event.ts) i++;
    next.set(device, i);
    for (; (intervals[i]?.from ?? end(event)) < end(event); i++) {
      const { from, to } = at(intervals, i);
      hidden += Math.max(0, Math.min(to, end(event)) - Math.max(from, event.ts));
    }
  }
  return [`${Math.round((100 * hidden) / total)}% of communication ran beside other kernels`];
}

/** Calls with the kernels that they started. */
function operatorRuns(
  operators: readonly OperatorEvent[],
  launches: readonly LaunchEvent[],
  runs: readonly DeviceRun[],
  skipped: Map<string, number>,
): OperatorRun[] {
  const caller = innermostCalls(operators, launches);
  const started = new Map<OperatorEvent, DeviceRun[]>();
  for (const run of runs) {
    if (!/^kernel$/i.test(run.event.cat)) continue;
    const operator = caller.get(run.event.args.correlation ?? -1);
    if (run.event.args["graph node id"]) countOne(skipped, "kernel of a CUDA graph: no shapes");
    else if (operator === undefined)
      countOne(skipped, "kernel that no operator in the trace started");
    else {
      const own = started.get(operator);
      if (own === undefined) started.set(operator, [run]);
      else own.push(run);
    }
  }
  return [...started].map(([operator, own]) => ({
    ...callOf(operator),
    time_s: own.reduce((sum, { event }) => sum + event.dur, 0) / MICROSECONDS,
    contended: own.some(({ contended }) => contended),
  }));
}

function callOf({ name, args }: OperatorEvent): OperatorCall {
  const shape = (written: unknown) => z.array(z.int()).safeParse(written).data ?? [];
  return {
    name,
    shapes: (args?.["Input Dims"] ?? []).map(shape),
    types: (args?.["Input type"] ?? args?.["Input Types"] ?? []).map(elementType),
    values: args?.["Concrete Inputs"] ?? [],
  };
}

/** The innermost call around each launch, by the launch's correlation: calls of a thread nest. */
function innermostCalls(
  operators: readonly OperatorEvent[],
  launches: readonly LaunchEvent[],
): Map<number, OperatorEvent> {
  type Host = OperatorEvent | LaunchEvent;
  const threads = new Map<string, Host[]>();
  for (const event of [...operators, ...launches]) {
    const thread = JSON.stringify([event.pid, event.tid]);
    const events = threads.get(thread);
    if (events === undefined) threads.set(thread, [event]);
    else events.push(event);
  }
  const found = new Map<number, OperatorEvent>();
  const isLaunch = (event: Host): event is LaunchEvent =>
    event.args !== undefined && "correlation" in event.args;
  for (const events of threads.values()) {
    events.sort((a, b) => a.ts - b.ts || b.dur - a.dur);
    const open: OperatorEvent[] = [];
    for (const event of events) {
      while (open.length > 0 && end(open.at(-1) ?? event) < event.ts) open.pop();
      const inner = open.at(-1);
      if (!isLaunch(event)) open.push(event);
      else if (inner !== undefined) found.set(event.args.correlation, inner);
    }
  }
  return found;
}
