import type { Diagnostic } from "../../base/diagnostics/diagnostic.js";
import { overlapDefeated } from "../../base/diagnostics/runtime.js";

/**
 * What keeps communication from running beside compute, or from having the SMs of a plan.
 * @param communicators whether each has SMs of its own, or one number serves all; null: no NCCL
 */
export function overlapTrouble(communicators: "own" | "one" | null): Diagnostic[] {
  const connections = process.env.CUDA_DEVICE_MAX_CONNECTIONS;
  const found: Diagnostic[] = [];
  if (connections !== undefined && Number(connections) === 1) {
    const reason =
      "1: kernels of all streams start one after the other, in the order of their launch";
    const hint =
      "unset it for plans that launch communication beside compute, or plan with --control clocks";
    found.push(overlapDefeated("CUDA_DEVICE_MAX_CONNECTIONS", reason, hint));
  }
  for (const name of ["NCCL_MAX_CTAS", "NCCL_MAX_NCHANNELS"]) {
    const most = process.env[name];
    if (most === undefined) continue;
    const reason = `${most}: no communicator gets more SMs than that, whatever the plan says`;
    const hint = "unset it: `communication_groups` gives each communicator its own number";
    found.push(overlapDefeated(name, reason, hint));
  }
  if (communicators === "one") {
    const hint = "PyTorch 2.1 or newer, or plan with --control clocks";
    const reason = "this torch makes all communicators alike: one number of SMs for the whole job";
    found.push(overlapDefeated("NCCL", reason, hint));
  }
  return found;
}
