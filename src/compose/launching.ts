import type { ExecutionMode } from "../ir/choices.js";

/**
 * What a CPU needs for a launch by execution, in microseconds, where nobody says: PyTorch's eager
 * training and a loop of launches, each on the virtual machine of an H200; a CUDA graph is launched
 * once. Other machines differ several times over (docs/measured.md).
 */
const LAUNCH_US: Readonly<Record<ExecutionMode, number>> = { eager: 32, compiled: 10, graph: 0 };

/** Seconds that the CPU needs for each launch of a job. */
export function launchTime(execution: ExecutionMode, launch_us: number | null): number {
  return (launch_us ?? LAUNCH_US[execution]) * 1e-6;
}
