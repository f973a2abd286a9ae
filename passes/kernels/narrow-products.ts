import type { ComputeKernel } from "../../src/ir/kernel-graph.js";
import type { LoweringContext } from "../../src/ir/pass.js";
import type { Work } from "../../src/ir/work.js";
import type { Launch } from "./launches.js";

type Formed = Omit<ComputeKernel, "after">;

/** What the names of conversions end in. */
const CONVERSION = "/to_fp8";

/** Whether a kernel converts operands of the linear behind it. */
export function isConversion({ name }: Pick<ComputeKernel, "name">): boolean {
  return name.endsWith(CONVERSION);
}

/** Which operands of a product are converted for it: weight gradients take dY as it was before. */
const CONVERTED: ReadonlyMap<string, "both" | "left"> = new Map([
  ["kareus::Linear", "both"],
  ["kareus::LinearInputGradient", "both"],
  ["kareus::LinearWeightGradient", "left"],
]);

/**
 * A linear of a layer in 8-bit floats, behind the conversion of its operands: their largest element is
 * found first, then each is scaled, so they are read twice and written once (torchao's dynamic
 * scaling by tensor). Linears outside layers (the output head) stay as they are.
 */
export function narrowed(
  { nodes: [node] }: Launch,
  kernel: Formed,
  { options }: Pick<LoweringContext, "options">,
): readonly Formed[] {
  const operands = node && CONVERTED.get(node.op);
  if (options.linear_dtype === null || operands === undefined || kernel.layer === null) {
    return [kernel];
  }
  const name = `${kernel.name}${CONVERSION}`;
  const conversion: Formed = {
    ...kernel,
    name,
    nodes: [name],
    saved_bytes: 0,
    released_bytes: 0,
    class: "other",
    work: conversionOf(kernel.work, operands),
    nanobatch: kernel.nanobatch && conversionOf(kernel.nanobatch, operands),
    parameters: [],
  };
  return [
    conversion,
    {
      ...kernel,
      work: inFloat8(kernel.work),
      nanobatch: kernel.nanobatch && inFloat8(kernel.nanobatch),
    },
  ];
}

const FROM_BYTES = 2;
const TO_BYTES = 1;

function conversionOf(work: Work, operands: "both" | "left"): Work {
  if (work.op !== "matmul") throw new Error("a linear is not a product");
  const { b, m, n, k, dtype } = work;
  const elements = b * (m * k + (operands === "both" ? k * n : 0));
  return {
    op: "memory",
    class: "other",
    bytes_read: 2 * FROM_BYTES * elements,
    bytes_written: TO_BYTES * elements,
    flops: 2 * elements,
    dtype,
  };
}

function inFloat8(work: Work): Work {
  return work.op === "matmul" ? { ...work, dtype: "float8" } : work;
}
