import { z } from "zod";
import { fail } from "../base/diagnostics/diagnostic.js";
import { foreignProfile, recorderFailed } from "../base/diagnostics/profile.js";
import { parseJson } from "../base/json.js";
import type { Communication } from "../ir/partition.js";
import type { Work } from "../ir/work.js";
import { namesOtherGpu } from "./gpu-name.js";
import { circumstances, withoutZeroEnergy } from "./outcome.js";
import {
  type CollectiveRecord,
  type KernelRecord,
  keyOf,
  type PartitionRecord,
  type ProfileRecord,
  type SwitchRecord,
} from "./records.js";

/*
 * The recorder's side of a profile. It knows nothing of graphs: it is given tasks as lines of text
 * (native/recorder/worklist.h says how they read) and answers each with a line of JSON.
 */

/** What a task measures: the record that it becomes. */
type Subject =
  | { readonly record: "kernel" }
  | { readonly record: "collective" }
  | Pick<PartitionRecord, "record" | "partition" | "launch_slot">;

/** Something to run on a GPU over and over: kernels, and communication beside them. */
export interface MeasuringTask {
  readonly subject: Subject;
  readonly kernels: readonly Work[];
  readonly communication: Communication | null;
  /** The kernel before which communication starts; their count: after the last. */
  readonly first: number;
  /** Behind it on its stream, each from its own kernel on; absent: nothing. */
  readonly queued?: readonly Follower[];
  readonly freq_mhz: number;
  /** SMs of communication; 0 without any. */
  readonly sms: number;
}

interface Follower {
  readonly communication: Communication;
  readonly first: number;
}

function workWords(work: Work): (string | number)[] {
  switch (work.op) {
    case "matmul":
      return [work.op, work.b, work.m, work.n, work.k, work.dtype];
    case "memory": {
      const { op, bytes_read, bytes_written, flops, instructions } = work;
      // The recorder streams; what spends its time on addresses is of a type unknown to it.
      const dtype = instructions === undefined ? work.dtype : `${work.dtype}-addressed`;
      return [op, bytes_read, bytes_written, flops, dtype];
    }
    case "attention": {
      const { op, b, heads, kv_heads, q_len, kv_len, head_dim, causal, direction } = work;
      const sizes = [b, heads, kv_heads, q_len, kv_len, head_dim, causal ? 1 : 0];
      // The recorder runs neither windows nor values of another width: it skips, and says so, what
      // is of a type unknown to it.
      const special =
        work.window !== undefined ? "-window" : work.value_dim !== undefined ? "-value" : "";
      const dtype = `${work.dtype}${special}`;
      return [op, ...sizes, direction, dtype];
    }
    case "conv": {
      const { op, n, c_in, c_out, out_spatial, in_spatial, kernel_spatial, groups, dtype } = work;
      return [op, n, c_in, c_out, out_spatial, in_spatial, kernel_spatial, groups, dtype];
    }
  }
}

/** A task as the recorder reads it; `id` comes back with its answer. */
export function taskLine(task: MeasuringTask, id: number): string {
  const { kernels, communication, queued = [], freq_mhz, sms, first } = task;
  const { kind = "none", size_bytes = 0, ranks = 1 } = communication ?? {};
  const words = [
    ...["task", id, "clock", freq_mhz, "sms", sms, "first", first],
    ...["comm", kind, size_bytes, ranks],
    ...queued.flatMap(({ communication: behind, first: from }) => {
      return ["then", from, behind.kind, behind.size_bytes, behind.ranks];
    }),
    ...["kernels", kernels.length],
    ...kernels.flatMap(workWords),
  ];
  return `${words.join(" ")}\n`;
}

const seconds = z.number().nonnegative();

const greeting = z.strictObject({
  gpu: z.string(),
  driver: z.string(),
  sm_count: z.int(),
  /** Period of the energy counter. */
  tick_s: seconds.exactOptional(),
  power_limit_w: z.number().positive().exactOptional(),
  workload_profile: z.string().min(1).exactOptional(),
  smoothing: z.boolean().exactOptional(),
});
const skipped = z.strictObject({ task: z.int().nonnegative(), skipped: z.string() });
const measured = z.strictObject({
  task: z.int().nonnegative(),
  time_s: z.number().positive(),
  time_s_std: seconds,
  energy_j: seconds.nullable(),
  energy_j_std: seconds.nullable(),
  trials: z.int().positive(),
  stand_in: z.boolean(),
  ...circumstances,
});

const switched = z.strictObject({
  switch: z.strictObject({
    from_mhz: z.int().positive(),
    freq_mhz: z.int().positive(),
    call_s: seconds,
    time_s: seconds,
    time_s_std: seconds,
    trials: z.int().positive(),
  }),
});

/** What the recorder says of itself, of one task, or of a change of the clock. */
const reply = z.union([greeting, skipped, measured, switched]);
export type Greeting = z.output<typeof greeting>;
type Reply = z.output<typeof reply>;
export type Measured = z.output<typeof measured>;

/**
 * A line of the output of a recorder on a device's GPU. KRS2053: it is none of its answers; KRS2030:
 * the GPU that it greets from is surely another.
 */
export function readReply(line: string, recorder: string, gpu: string): Reply {
  const { data } = reply.safeParse(parseJson(line));
  if (data === undefined) return fail(recorderFailed(recorder, `it answered ${line.slice(0, 80)}`));
  if ("gpu" in data && namesOtherGpu(data.gpu, gpu)) fail(foreignProfile(recorder, data.gpu, gpu));
  return "time_s" in data ? withoutZeroEnergy(data) : data;
}

/** A recorder on a simulated board says so by its driver: its numbers are of a model. */
export function sourceOf({ driver }: Greeting): "measured" | "modelled" {
  return driver.includes("simulated") ? "modelled" : "measured";
}

/** The record of a change of the clock. */
export function switchRecord(
  found: z.output<typeof switched>["switch"],
  source: ReturnType<typeof sourceOf>,
): SwitchRecord {
  const none = { sms: null, energy_j: null, energy_j_std: null };
  return { record: "switch", ...none, source, ...found };
}

/** The record that a task became, by a recorder whose greeting tells the source. */
export function recordOf(
  task: MeasuringTask,
  answer: Measured,
  source: ReturnType<typeof sourceOf>,
): ProfileRecord {
  const { task: _, stand_in, ...outcome } = answer;
  const { freq_mhz, subject } = task;
  const standIn = stand_in ? ({ stand_in: true } as const) : {};
  switch (subject.record) {
    case "kernel": {
      const [work] = task.kernels;
      if (work === undefined) throw new Error("a kernel task without a kernel");
      return {
        ...subject,
        ...keyOf(work),
        freq_mhz,
        sms: null,
        source,
        ...outcome,
      } satisfies KernelRecord;
    }
    case "collective": {
      if (task.communication === null) throw new Error("a collective task without a collective");
      const { kind: op, size_bytes, ranks } = task.communication;
      const setting = { op, size_bytes, ranks, ...standIn, freq_mhz, sms: task.sms };
      return { ...subject, ...setting, source, ...outcome } satisfies CollectiveRecord;
    }
    case "partition": {
      const setting = { order: null, ...standIn, freq_mhz, sms: task.sms };
      return { ...subject, ...setting, source, ...outcome };
    }
  }
}
