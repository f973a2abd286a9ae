import type { Device } from "../gpu/device-schema.js";
import { expectedErrorOf } from "../gpu/expected-error.js";
import type { Control } from "../ir/choices.js";
import type { Job } from "../ir/job.js";
import type { KernelGraph } from "../ir/kernel-graph.js";
import type { SwitchTime } from "../ir/switch-time.js";
import type { TensorGraph } from "../ir/tensor-graph.js";
import { workloadOf } from "../ir/workload.js";
import type { ExpectedError, MeasuredWorkload, Parallelism } from "../plan/shared.js";

/** What every emitted file says of the run that made it. */
export interface RunFacts {
  readonly graph: { readonly name: string; readonly sha256: string };
  readonly gpu: { readonly name: string; readonly sm_count: number };
  readonly parallelism: Parallelism;
  /** Per GPU. */
  readonly static_power_w: number;
  /** Of each crossing between stages. */
  readonly transfer_s: number;
  /** Of a change of the clock. */
  readonly switch_time_s: SwitchTime;
  /** What the job can follow. */
  readonly control: Control;
  /** What kind of workload it is, and whether any of this kind was measured on the device. */
  readonly workload: MeasuredWorkload;
  /** Relative errors of the device's model; null where nothing is known of them. */
  readonly expected_error: ExpectedError | null;
}

type Told = Pick<RunFacts, "static_power_w" | "transfer_s" | "switch_time_s" | "control">;

/** The facts of a run of a job as its graph has it. */
export function runFacts(
  job: Job,
  device: Device,
  { static_power_w, transfer_s, switch_time_s, control }: Told,
  { kernels, recognised }: { readonly kernels: KernelGraph; readonly recognised: TensorGraph },
): RunFacts {
  const { name, sha256 } = kernels;
  const workload = workloadOf(kernels, recognised, job.execution);
  const { measured, expected_error } = expectedErrorOf(device, workload, job.forward_only);
  const {
    tp,
    cp,
    cp_attention,
    ep,
    linear_dtype,
    optimizer,
    execution,
    expert_load,
    async_tp,
    forward_only,
    gpus_per_node: _,
    ...others
  } = job;
  return {
    graph: { name, sha256 },
    gpu: { name: device.name, sm_count: device.sm_count },
    parallelism: {
      tp,
      cp,
      ep,
      ...others,
      ...(cp_attention === "ring" ? { cp_attention } : {}),
      ...(async_tp ? { async_tp } : {}),
      ...(forward_only ? { forward_only } : {}),
      ...(linear_dtype === null ? {} : { linear_dtype }),
      ...(optimizer === "adamw" ? {} : { optimizer }),
      ...(execution === "compiled" ? {} : { execution }),
      ...(expert_load === 1 ? {} : { expert_load }),
    },
    static_power_w,
    transfer_s,
    switch_time_s,
    control,
    workload: { ...workload, measured },
    expected_error,
  };
}
