import type { Direction, NodeOrigin } from "./tensor-graph.js";
import type { KernelClass, Work } from "./work.js";

/**
 * Level 2: one node per launch, in execution order, for one microbatch on one GPU (shapes are
 * local to the tensor-parallel rank). Compute kernels carry their work, communication kernels
 * their bytes.
 */

export type CollectiveKind =
  | "all_reduce"
  | "all_gather"
  | "reduce_scatter"
  | "all_to_all"
  | "send"
  | "recv";

/** The memory that a kernel's results take, in bytes. */
export interface Held {
  /** Of its results that backward reads, if it runs forward. */
  readonly saved_bytes: number;
  /** Of what forward saved and nothing reads after it. */
  readonly released_bytes: number;
  /** Of everything else that was made and is still read while it runs, its own results included. */
  readonly working_bytes: number;
  /** Of floating-point inputs of the graph that no kernel before it reads: images, caches. */
  readonly input_bytes: number;
}

/** What compute and communication have in common. */
export interface KernelBase extends Held {
  /** Unique: the first covered node's name with its `/dgrad`, `/wgrad` or `/recompute` suffix. */
  readonly name: string;
  /** ONNX node names this launch stands for, suffixes included. */
  readonly nodes: readonly string[];
  readonly direction: Direction;
  /** What brought it in: a recomputed forward kernel runs in the backward instruction. */
  readonly origin: NodeOrigin;
  readonly layer: number | null;
  /** Pipeline stage; 0 until stages are assigned. */
  readonly stage: number;
  /** Which of its stage's model chunks; 0 unless the pipeline interleaves. */
  readonly chunk: number;
  /** Indices of the kernels whose results this one reads. */
  readonly after: readonly number[];
}

/** A parameter, as much of it as one GPU holds. */
export interface TrainedTensor {
  readonly name: string;
  readonly elements: number;
  readonly size_bytes: number;
  /** Whether it is read but not trained; absent: it is trained. */
  readonly frozen?: boolean;
  /** Whether expert parallelism cut it: the ranks of its group then hold different experts. */
  readonly expert: boolean;
}

/** Trained elements on one GPU and the bytes of their weights. */
export interface ParameterCount {
  readonly elements: number;
  readonly size_bytes: number;
}

/** What a stage trains: experts are held by fewer GPUs than the rest. */
export interface StageParameters {
  readonly dense: ParameterCount;
  readonly experts: ParameterCount;
  /** Weights that are read but not trained. */
  readonly frozen: ParameterCount;
}

export interface ComputeKernel extends KernelBase {
  readonly kind: "compute";
  readonly class: KernelClass;
  readonly work: Work;
  /** The same launch for one nanobatch; null where the microbatch does not split in two. */
  readonly nanobatch: Work | null;
  /** Trained tensors it reads, with their elements on this GPU. */
  readonly parameters: readonly TrainedTensor[];
}

export interface CommunicationKernel extends KernelBase {
  readonly kind: "communication";
  readonly collective: CollectiveKind;
  /** Bytes of the full tensor (all-gather: gathered; reduce-scatter: before scattering). */
  readonly size_bytes: number;
  readonly nanobatch_size_bytes: number | null;
  readonly group: string;
  /** Whether it runs piece by piece beside the pieces of a linear that follow it; absent: as a whole. */
  readonly piecewise?: true;
  readonly ranks: number;
  /** How many of the ranks share a node: fewer than all where the group spans nodes. */
  readonly ranks_per_node: number;
}

export type Kernel = ComputeKernel | CommunicationKernel;

export interface KernelGraph {
  readonly level: "kernel";
  readonly name: string;
  readonly sha256: string;
  readonly kernels: readonly Kernel[];
  readonly layers: number;
  readonly stages: number;
  /** Model chunks per stage. */
  readonly chunks: number;
  /** Whether the graph brings its own optimizer. */
  readonly updates_parameters: boolean;
  /** By stage: what the optimizer updates. */
  readonly parameters: readonly StageParameters[];
}
