import { addTo } from "../base/need.js";
import type { ExecutionMode } from "./choices.js";
import type { KernelGraph } from "./kernel-graph.js";
import type { DType, TensorGraph } from "./tensor-graph.js";
import { flopsOf } from "./work.js";

/** How its kernels are formed; a CUDA graph launches those of compiled layers. */
export const FORMED = ["compiled", "eager"] as const;
type Formed = (typeof FORMED)[number];

/** What a graph computes, by what most of its work is and not by its name. */
export const FAMILIES = ["decoder", "encoder", "experts", "convolutions", "other"] as const;
type Family = (typeof FAMILIES)[number];

/** What most of its products multiply: float16 counts as bfloat16, which runs at the same rate. */
export const PRODUCTS = ["bfloat16", "float32", "float8", "other"] as const;
type Products = (typeof PRODUCTS)[number];

/** The kind of a workload: what errors of the model are told apart by. */
export interface Workload {
  readonly execution: Formed;
  readonly family: Family;
  readonly products: Products;
  /** What they multiply themselves where that only counts as `products`. */
  readonly multiplies?: "float16";
}

/** Operators that choose each token's experts. */
const ROUTERS: ReadonlySet<string> = new Set(["TopK", "ArgMax"]);

const SIMILAR: Partial<Record<DType, Products>> = {
  bfloat16: "bfloat16",
  float16: "bfloat16",
  float32: "float32",
  float8: "float8",
};

/** The key with the largest sum; null where nothing was added. */
function most<Key>(sums: ReadonlyMap<Key, number>): Key | null {
  const [first] = [...sums].sort(([, a], [, b]) => b - a);
  return first === undefined ? null : first[0];
}

/**
 * The kind of what kernels compute. Experts: tokens are routed. Convolutions: dense ones (a patch embedding
 * counts, the depthwise ones of a scan do not). Decoder and encoder: attention is one kernel, and causal or not.
 */
export function workloadOf(
  { kernels }: Pick<KernelGraph, "kernels">,
  { nodes }: Pick<TensorGraph, "nodes">,
  execution: ExecutionMode,
): Workload {
  const types = new Map<DType, number>();
  const attention = new Map<Family, number>();
  let convolved = false;
  for (const kernel of kernels) {
    if (kernel.kind !== "compute" || kernel.work.op === "memory") continue;
    const { work } = kernel;
    addTo(types, work.dtype, flopsOf(work));
    if (work.op === "attention")
      addTo(attention, work.causal ? "decoder" : "encoder", flopsOf(work));
    if (work.op === "conv" && work.groups === 1) convolved = true;
  }
  const routed = nodes.some(({ op }) => ROUTERS.has(op));
  const attends = most(attention) ?? "other";
  const products = new Map<Products, number>();
  for (const [dtype, flops] of types) addTo(products, SIMILAR[dtype] ?? "other", flops);
  const kind = most(products) ?? "other";
  const isHalf = kind === "bfloat16" && most(types) === "float16";
  return {
    execution: execution === "eager" ? "eager" : "compiled",
    family: routed ? "experts" : convolved ? "convolutions" : attends,
    products: kind,
    ...(isHalf ? { multiplies: "float16" as const } : {}),
  };
}

/** `compiled decoder, bfloat16`; `compiled decoder, float16 taken as bfloat16`. */
export function describeWorkload({ execution, family, products, multiplies }: Workload): string {
  const own = multiplies === undefined ? products : `${multiplies} taken as ${products}`;
  return `${execution} ${family}, ${own}`;
}
