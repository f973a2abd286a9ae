/* Kinds of operators that tell what their operands and results are. */

/** Operators whose results arrive from another stage with every microbatch. */
export const ARRIVALS: ReadonlySet<string> = new Set(["com.microsoft::Recv"]);

/** Operators that fold gradients into their first input. */
export const ACCUMULATORS: ReadonlySet<string> = new Set([
  "com.microsoft::InPlaceAccumulatorV2",
  "com.microsoft::InPlaceAccumulator",
]);

/** Matrix products: of two activations they make attention, or the gradient of a parameter. */
export const PRODUCTS: ReadonlySet<string> = new Set([
  "MatMul",
  "Gemm",
  "Einsum",
  "com.microsoft::FusedMatMul",
]);
