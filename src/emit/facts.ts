import type { Device } from "../gpu/device-schema.js";
import type { KernelGraph } from "../ir/kernel-graph.js";
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
  readonly switch_time_s: number;
  /** Relative errors of the device's model; null where nothing is known of them. */
  readonly expected_error: ExpectedError | null;
}

type Costs = Pick<RunFacts, "static_power_w" | "transfer_s" | "switch_time_s">;

/**
 * The facts of a run. Degrees are as asked; where the graph brings its own collectives, their ranks are
 * the degree.
 */
export function runFacts(
  asked: Parallelism,
  device: Device,
  { static_power_w, transfer_s, switch_time_s }: Costs,
  kernels: KernelGraph,
): RunFacts {
  const { pp, dp, microbatches, pipeline, chunks } = asked;
  const { recompute, sequence_parallel, zero, cp_attention, optimizer } = asked;
  const degree = (group: "tp" | "cp" | "ep") =>
    kernels.kernels.reduce(
      (most, k) =>
        k.kind === "communication" && k.group === group ? Math.max(most, k.ranks) : most,
      asked[group],
    );
  return {
    graph: { name: kernels.name, sha256: kernels.sha256 },
    gpu: { name: device.name, sm_count: device.sm_count },
    parallelism: {
      tp: degree("tp"),
      cp: degree("cp"),
      ...(cp_attention === "ring" ? { cp_attention } : {}),
      ep: degree("ep"),
      ...{ pp, dp, microbatches, pipeline, chunks, recompute, sequence_parallel, zero },
      ...(optimizer === "adamw" ? {} : { optimizer }),
    },
    ...{ static_power_w, transfer_s, switch_time_s },
    expected_error: device.expected_error ?? null,
  };
}
