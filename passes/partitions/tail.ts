import { replicasOf } from "../../src/ir/groups.js";
import type { ComputeKernel, Kernel, StageParameters } from "../../src/ir/kernel-graph.js";
import type { LoweringContext } from "../../src/ir/pass.js";
import {
  AFTER_BACKWARD,
  type Elements,
  exchange,
  gradientSum,
  SHARES,
} from "./replica-exchange.js";

/**
 * Mixed-precision Adam, bytes per trained element: reads a 4-byte gradient, master weight and two
 * moments, writes master weight, two moments and a 2-byte weight (Megatron-LM's layout). About 12
 * operations per element.
 */
const BYTES_READ = 16;
const BYTES_WRITTEN = 14;
const FLOPS = 12;

/**
 * What a stage does after its last microbatch: gradients that are not summed yet are, over the ranks
 * that hold the same parameters, and the optimizer updates these. With ZeRO-1 every rank gets the
 * sums of its share (reduce-scatter), updates that and sends the new weights to the others
 * (all-gather).
 * @param unsummed trained elements whose gradients are still to be summed, and the degrees of the
 * ranks that they are summed over
 */
export function tailKernels(
  stage: number,
  parameters: StageParameters,
  unsummed: { readonly elements: Elements; readonly over: LoweringContext["options"] },
  options: LoweringContext["options"],
): Kernel[] {
  const replicas = replicasOf(options);
  const sharded = options.zero === 1;
  const updated = SHARES.reduce((sum, share) => {
    const { elements } = parameters[share];
    return sum + (sharded ? Math.ceil(elements / replicas[share].ranks) : elements);
  }, 0);
  const { elements, over } = unsummed;
  const summing = replicasOf(over);
  const summed = SHARES.filter((share) => summing[share].ranks > 1 && elements[share] > 0);
  const gathered = SHARES.filter(
    (share) => sharded && replicas[share].ranks > 1 && parameters[share].elements > 0,
  );
  return [
    ...summed.map((share) => gradientSum(stage, share, elements[share], over)),
    optimizerStep(stage, updated),
    ...gathered.map((share) =>
      exchange(stage, "all_gather", share, parameters[share].size_bytes, options),
    ),
  ];
}

/** The optimizer step over `elements` parameters on one GPU, as one memory-bound launch. */
function optimizerStep(stage: number, elements: number): ComputeKernel {
  return {
    ...AFTER_BACKWARD,
    kind: "compute",
    name: "optimizer",
    nodes: ["optimizer"],
    stage,
    class: "other",
    work: {
      op: "memory",
      class: "other",
      bytes_read: BYTES_READ * elements,
      bytes_written: BYTES_WRITTEN * elements,
      flops: FLOPS * elements,
      dtype: "float32",
    },
    nanobatch: null,
    parameters: [],
  };
}
