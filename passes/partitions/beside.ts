import type { CommunicationKernel, ComputeKernel, Kernel } from "../../src/ir/kernel-graph.js";

/** A stretch of an instruction, and how it runs. */
export interface Surroundings {
  readonly kernels: readonly ComputeKernel[];
  readonly communication: readonly CommunicationKernel[];
  /** Communication follows the kernels instead of running beside them. */
  readonly dependent: boolean;
  readonly nanobatch: boolean;
}

/** Communication with replicas that runs beside the kernels of an instruction. */
export interface Beside {
  /** Whether something begins or ends when this kernel has run: a stretch ends there. */
  completes(kernel: Kernel): boolean;
  /** Takes note that kernels have run, for the whole microbatch. */
  ran(kernels: readonly Kernel[]): void;
  /** What runs before all kernels. */
  before(): CommunicationKernel[];
  /** What runs beside a stretch. */
  beside(stretch: Surroundings): CommunicationKernel[];
  /** What runs behind all kernels and is not left to the end of the iteration. */
  after(): CommunicationKernel[];
  /** All that has not run so far. */
  rest(): CommunicationKernel[];
}
