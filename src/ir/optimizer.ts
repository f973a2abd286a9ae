/** What updates the parameters, as flags and files name it. */
export const OPTIMIZERS = ["adamw", "adamw-bf16", "sgd"] as const;
export type OptimizerName = (typeof OPTIMIZERS)[number];

/** What training keeps of each trained element beside its weight, and what an update of it takes. */
interface Optimizer {
  /** Bytes of the gradient, which microbatches and replicas add up in this width. */
  readonly gradient_bytes: number;
  /** Bytes of the moments together. */
  readonly moments_bytes: number;
  /** Whether a float32 copy of a narrower weight takes the updates. */
  readonly master: boolean;
  /** About how many operations an update takes. */
  readonly flops: number;
}

/**
 * adamw: mixed precision as Megatron-LM and FSDP keep it (ZeRO, arXiv 1910.02054, section 3.1);
 * adamw-bf16: torch.optim.AdamW on a model in bfloat16; sgd: without momentum, else as adamw.
 */
const KINDS: Readonly<Record<OptimizerName, Optimizer>> = {
  adamw: { gradient_bytes: 4, moments_bytes: 8, master: true, flops: 12 },
  "adamw-bf16": { gradient_bytes: 2, moments_bytes: 4, master: false, flops: 12 },
  sgd: { gradient_bytes: 4, moments_bytes: 0, master: true, flops: 4 },
};

const FLOAT32_BYTES = 4;

/** Bytes of an accumulated gradient element. */
export function gradientBytes(optimizer: OptimizerName): number {
  return KINDS[optimizer].gradient_bytes;
}

/** Bytes of the optimizer's states of one element: moments, and the master of a narrower weight. */
export function stateBytes(optimizer: OptimizerName, weight_bytes: number): number {
  const { moments_bytes, master } = KINDS[optimizer];
  return moments_bytes + (master && weight_bytes < FLOAT32_BYTES ? FLOAT32_BYTES : 0);
}

/**
 * What the update of one element reads and writes in bytes, and its operations: it reads gradient,
 * states and, without a master, the weight; it writes states and weight.
 */
export function updateTraffic(
  optimizer: OptimizerName,
  weight_bytes: number,
): { readonly read: number; readonly written: number; readonly flops: number } {
  const { gradient_bytes, moments_bytes, flops } = KINDS[optimizer];
  const states = stateBytes(optimizer, weight_bytes);
  const weight = states > moments_bytes ? 0 : weight_bytes;
  return { read: gradient_bytes + states + weight, written: states + weight_bytes, flops };
}
