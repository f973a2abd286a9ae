import type { z } from "zod";
import { at, byDefault, hotFloat } from "../../base/need.js";
import type { Board } from "../gpu-name.js";
import { ranksOf, type SymmetricCall, symmetricCall } from "./collectives.js";
import { Column, Interned } from "./columns.js";
import { JsonFault } from "./json-events.js";
import {
  callOf,
  deviceEvent,
  deviceProperties,
  distributedInfo,
  type hostEvent,
  isEvent,
  KEPT,
  kindOf,
  launchEvent,
  operatorEvent,
  type RunKind,
} from "./kineto-events.js";
import { type Called, workOfCall } from "./operators.js";
import { contention, HostEvents, hiddenShare, innermostCalls, Runs } from "./timeline.js";
import { Tally, type Trace } from "./trace.js";

/*
 * Chrome traces as PyTorch's profiler (Kineto) writes them. A launch (category cuda_runtime) lies
 * within the operator call of its thread, and shares its correlation with the kernel that it
 * started. Times are in microseconds.
 */

const MICROSECONDS = 1e6;

/** More would not fit into memory: about 50 bytes each. */
const MOST_KEPT = 12_000_000;

interface KinetoCall extends Called {
  readonly symmetric: SymmetricCall | null;
}

/** Takes a trace event by event; keeps those of operators, launches and the GPU, in columns. */
export class KinetoReader {
  readonly #host = new HostEvents();
  readonly #threads = new Interned<null>();
  readonly #calls = new Interned<KinetoCall>();
  readonly #runs = new Runs();
  readonly #places = new Interned<string>();
  readonly #kinds = new Interned<RunKind>();
  /** Of each run: what it is, its launch (NaN where unknown) and its blocks (NaN where unknown). */
  readonly #kind = new Column();
  readonly #correlation = new Column();
  readonly #blocks = new Column();
  readonly #tally = new Tally();
  #boards: z.output<typeof deviceProperties> = [];
  #groups: z.output<typeof distributedInfo>["pg_config"] = [];
  #kernels = 0;

  /** Takes an item; whether it is an event at all. Throws a {@link JsonFault} for too many. */
  add(item: unknown): boolean {
    if (!isEvent(item)) return false;
    const kept = item.ph === "X" && typeof item.cat === "string" ? KEPT.get(item.cat) : undefined;
    if (kept === "operator") this.#addOperator(operatorEvent.safeParse(item).data);
    else if (kept === "launch") this.#addLaunch(launchEvent.safeParse(item).data);
    else if (kept !== undefined) this.#addRun(deviceEvent.safeParse(item).data, kept);
    if (this.#host.length + this.#runs.length > MOST_KEPT) {
      throw new JsonFault(
        "over 12 million events of operators and the GPU: trace fewer iterations",
      );
    }
    return true;
  }

  #addHost({ ts, dur, pid, tid }: z.output<typeof hostEvent>): void {
    this.#host.from.push(ts);
    this.#host.taking.push(dur);
    this.#host.thread.push(this.#threads.of(JSON.stringify([pid, tid]), null));
  }

  #addOperator(operator: z.output<typeof operatorEvent> | undefined): void {
    if (operator === undefined) {
      this.#tally.skip("operator without time or thread");
      return;
    }
    const call = callOf(operator);
    const { name } = operator;
    const called = { name, work: workOfCall(call), symmetric: symmetricCall(call) };
    this.#addHost(operator);
    this.#host.call.push(this.#calls.of(JSON.stringify(called), called));
    this.#host.correlation.push(Number.NaN);
  }

  /** Calls of the runtime that launch nothing have no correlation. */
  #addLaunch(launch: z.output<typeof launchEvent> | undefined): void {
    if (launch === undefined) return;
    this.#addHost(launch);
    this.#host.call.push(Number.NaN);
    this.#host.correlation.push(launch.args.correlation);
  }

  #addRun(run: z.output<typeof deviceEvent> | undefined, kept: "kernel" | "copy"): void {
    if (run === undefined) {
      this.#tally.skip("event of the GPU without time");
      return;
    }
    const { ts, dur, name, args } = run;
    const place = (part: unknown) => this.#places.of(String(part), String(part));
    const kind = kindOf(name, args, dur, kept);
    if (kept === "kernel") this.#kernels++;
    this.#runs.from.push(ts);
    this.#runs.taking.push(dur);
    this.#runs.device.push(place(args.device));
    this.#runs.stream.push(place(args.stream));
    this.#kind.push(this.#kinds.of(JSON.stringify(kind), kind));
    this.#correlation.push(args.correlation ?? Number.NaN);
    this.#blocks.push(args.grid?.[0] ?? Number.NaN);
  }

  /** Takes what the trace says of its devices and its groups. */
  addProperty(name: string, value: unknown): void {
    if (name === "deviceProperties")
      this.#boards = byDefault(deviceProperties.safeParse(value).data, []);
    if (name === "distributedInfo")
      this.#groups = byDefault(distributedInfo.safeParse(value).data?.pg_config, []);
  }

  /** What the trace holds; `ranks` of collectives of which it does not say it. */
  trace(ranks: number | null): Trace {
    const order = this.#runs.inOrder();
    const communicates = new Uint8Array(this.#runs.length);
    const calls = this.#started(contention(this.#runs, order), communicates);
    for (const { called, ...own } of calls) {
      if (called.symmetric !== null) this.#addSymmetric(called.symmetric, own, ranks);
      else this.#tally.operator(called.name, called.work, own.time_s, own.contended);
    }
    const hidden = hiddenShare(
      this.#runs,
      order.filter((run) => communicates[run] === 1),
      order.filter((run) => communicates[run] === 0),
    );
    const note = (share: number) =>
      `${Math.round(100 * share)}% of communication ran beside other kernels`;
    return {
      tally: this.#tally,
      kernels: this.#kernels,
      boards: this.#usedBoards(),
      notes: hidden === null ? [] : [note(hidden)],
    };
  }

  /** The calls that started kernels, with theirs; takes NCCL's collectives, marks what communicates. */
  #started(contended: Uint8Array, communicates: Uint8Array): Iterable<Started> {
    const caller = innermostCalls(this.#host);
    const started = new Map<number, Started>();
    for (let run = 0; run < this.#runs.length; run++) {
      const kind = at(this.#kinds.values, hotFloat(this.#kind.numbers, run));
      const time_s = hotFloat(this.#runs.taking.numbers, run) / MICROSECONDS;
      const beside = contended[run] === 1;
      if (kind.is === "collective") {
        communicates[run] = 1;
        if (typeof kind.does === "string") this.#tally.skip(kind.does);
        else this.#tally.collective(kind.does, time_s, beside);
      } else if (kind.is === "graph kernel") this.#tally.skip("kernel of a CUDA graph: no shapes");
      else if (kind.is === "kernel") {
        const event = caller.get(hotFloat(this.#correlation.numbers, run));
        if (event === undefined) {
          this.#tally.skip("kernel that no operator in the trace started");
          continue;
        }
        const called = at(this.#calls.values, hotFloat(this.#host.call.numbers, event));
        if (called.symmetric !== null) communicates[run] = 1;
        const blocks = hotFloat(this.#blocks.numbers, run);
        const own = started.get(event) ?? { called, time_s: 0, contended: false, blocks };
        own.time_s += time_s;
        own.contended ||= beside;
        started.set(event, own);
      }
    }
    return started.values();
  }

  #addSymmetric(
    { kind, size_bytes, group }: SymmetricCall,
    own: Omit<Started, "called">,
    ranks: number | null,
  ): void {
    const sizes = new Set(this.#groups.map(({ pg_size }) => pg_size));
    const named = this.#groups.find(({ pg_name }) => pg_name === group)?.pg_size;
    const [alike] = sizes.size === 1 ? sizes : [];
    const told = ranksOf(kind, named ?? alike ?? ranks);
    if (told === null) {
      this.#tally.skip("symmetric memory: the trace does not say between how many ranks (--ranks)");
      return;
    }
    const sms = own.blocks > 0 ? own.blocks : null;
    this.#tally.collective({ kind, size_bytes, ranks: told, sms }, own.time_s, own.contended);
  }

  /** The GPUs that something ran on; all of them where they are not told apart. */
  #usedBoards(): Board[] {
    const used = new Set<string>();
    for (let run = 0; run < this.#runs.length; run++)
      used.add(at(this.#places.values, hotFloat(this.#runs.device.numbers, run)));
    const own = this.#boards.filter((board) => used.has(String(board.id)));
    const boards = (own.length > 0 ? own : this.#boards).map(
      ({ name, numSms, totalGlobalMem }) => ({
        name,
        sm_count: numSms ?? null,
        memory_bytes: totalGlobalMem ?? null,
      }),
    );
    return [...new Map(boards.map((board) => [JSON.stringify(board), board])).values()];
  }
}

/** What a call ran on the GPU. */
interface Started {
  readonly called: KinetoCall;
  /** Sum over its kernels. */
  time_s: number;
  contended: boolean;
  /** Of its first kernel; NaN where unknown. */
  readonly blocks: number;
}
