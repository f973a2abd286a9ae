import type { Device } from "../gpu/device-schema.js";
import { expectedErrorOf } from "../gpu/expected-error.js";
import type { Control } from "../ir/choices.js";
import type { Job } from "../ir/job.js";
import type { KernelGraph } from "../ir/kernel-graph.js";
import type { SwitchTime } from "../ir/switch-time.js";
import type { TensorGraph } from "../ir/tensor-graph.js";
import { workloadOf } from "../ir/workload.js";
import type { LoweringOptions } from "../options.js";
import type { ExpectedError, MeasuredWorkload, Parallelism, Told } from "../plan/shared.js";

/** What every emitted file says of the run that made it. */
export interface RunFacts {
  readonly graph: { readonly name: string; readonly sha256: string };
  readonly gpu: { readonly name: string; readonly sm_count: number };
  readonly parallelism: Parallelism;
  readonly told: Told;
  /** Per GPU. */
  readonly static_power_w: number;
  /** Of each crossing between stages. */
  readonly transfer_s: number;
  /** Of a change of the clock. */
  readonly switch_time_s: SwitchTime;
  /** What the job can follow. */
  readonly control: Control;
  /** What a replica's peak is kept under; null: nothing. */
  readonly peak_power_w: number | null;
  /** What kind of workload it is, and whether any of this kind was measured on the device. */
  readonly workload: MeasuredWorkload;
  /** Relative errors of the device's model; null where nothing is known of them. */
  readonly expected_error: ExpectedError | null;
}

type Layout = Pick<
  RunFacts,
  "static_power_w" | "transfer_s" | "switch_time_s" | "control" | "peak_power_w"
>;

/** The facts of a run of a job as its graph has it. */
export function runFacts(
  job: Job,
  device: Device,
  { static_power_w, transfer_s, switch_time_s, control, peak_power_w }: Layout,
  options: LoweringOptions,
  { kernels, recognised }: { readonly kernels: KernelGraph; readonly recognised: TensorGraph },
): RunFacts {
  const { name, sha256 } = kernels;
  const workload = workloadOf(kernels, recognised, job.execution);
  const { measured, expected_error } = expectedErrorOf(device, workload, job.forward_only);
  return {
    graph: { name, sha256 },
    gpu: { name: device.name, sm_count: device.sm_count },
    parallelism: parallelismOf(job),
    told: toldOf(options),
    static_power_w,
    transfer_s,
    switch_time_s,
    control,
    peak_power_w,
    workload: { ...workload, measured },
    expected_error,
  };
}

/** The layout, in the order of the files. */
function parallelismOf(job: Job): Parallelism {
  const { tp, cp, ep, pp, dp, microbatches, pipeline, chunks, recompute, zero } = job;
  const { execution, sequence_parallel, async_tp, forward_only, cp_attention } = job;
  const { linear_dtype, optimizer, expert_load } = job;
  return {
    ...{ tp, cp, ep, pp, dp, microbatches, pipeline, chunks, recompute },
    ...(execution === "compiled" ? {} : { execution }),
    sequence_parallel,
    ...(async_tp ? { async_tp } : {}),
    ...(forward_only ? { forward_only } : {}),
    ...(cp_attention === "ring" ? { cp_attention } : {}),
    zero,
    ...(linear_dtype === null ? {} : { linear_dtype }),
    ...(optimizer === "adamw" ? {} : { optimizer }),
    ...(expert_load === 1 ? {} : { expert_load }),
  };
}

/** What was told beside the layout; sizes by name, whatever order they were told in. */
function toldOf({ graph, job, hardware }: LoweringOptions): Told {
  const { bind, expect, dtype, freeze, group } = graph;
  const { launch_us, gap_us, power_limit_w } = hardware;
  return {
    ...(bind.size === 0 ? {} : { bind: byName(bind) }),
    ...(expect.size === 0 ? {} : { expect: byName(expect) }),
    ...(dtype === null ? {} : { dtype }),
    ...(freeze.length === 0 ? {} : { freeze: [...freeze] }),
    ...(group.size === 0 ? {} : { group: byName(group) }),
    gpus_per_node: job.gpus_per_node,
    ...(launch_us === null ? {} : { launch_us }),
    ...(gap_us === null ? {} : { gap_us }),
    ...(power_limit_w === null ? {} : { power_limit_w }),
  };
}

function byName<Value>(values: ReadonlyMap<string, Value>): Record<string, Value> {
  return Object.fromEntries([...values].sort(([a], [b]) => (a < b ? -1 : 1)));
}
