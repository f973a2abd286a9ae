import type { Device } from "../gpu/device-schema.js";
import type { Control } from "../ir/choices.js";
import type { Job } from "../ir/job.js";
import type { KernelGraph } from "../ir/kernel-graph.js";
import type { SwitchTime } from "../ir/switch-time.js";
import type { ExpectedError, Parallelism } from "../plan/shared.js";

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
  /** Relative errors of the device's model; null where nothing is known of them. */
  readonly expected_error: ExpectedError | null;
}

type Told = Pick<RunFacts, "static_power_w" | "transfer_s" | "switch_time_s" | "control">;

/** The facts of a run of a job as its graph has it. */
export function runFacts(
  job: Job,
  device: Device,
  { static_power_w, transfer_s, switch_time_s, control }: Told,
  { name, sha256 }: KernelGraph,
): RunFacts {
  const {
    tp,
    cp,
    cp_attention,
    ep,
    linear_dtype,
    optimizer,
    execution,
    expert_load,
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
      ...(linear_dtype === null ? {} : { linear_dtype }),
      ...(optimizer === "adamw" ? {} : { optimizer }),
      ...(execution === "compiled" ? {} : { execution }),
      ...(expert_load === 1 ? {} : { expert_load }),
    },
    static_power_w,
    transfer_s,
    switch_time_s,
    control,
    expected_error: expectedErrorOf(device, execution),
  };
}

/** How far off plans on a device may be, by how their kernels come to run; null: not known. */
function expectedErrorOf(device: Device, execution: Job["execution"]): ExpectedError | null {
  const { expected_error, expected_error_eager } = device;
  const eager = execution === "eager" ? expected_error_eager : undefined;
  return eager ?? expected_error ?? null;
}
