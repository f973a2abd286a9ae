import { replicasOf } from "../../src/ir/groups.js";
import type { ComputeKernel, Kernel, StageParameters } from "../../src/ir/kernel-graph.js";
import { type OptimizerName, updateTraffic } from "../../src/ir/optimizer.js";
import type { LoweringContext } from "../../src/ir/pass.js";
import { INSTRUCTIONS } from "../kernels/pieces.js";
import {
  AFTER_BACKWARD,
  type Elements,
  exchange,
  gradientSum,
  SHARES,
} from "./replica-exchange.js";

/**
 * What a stage does after its last microbatch: gradients that are not summed yet are, over the ranks
 * that hold the same parameters, and the optimizer updates these. With ZeRO-1 every rank gets the
 * sums of its share (reduce-scatter), updates that and sends the new weights to the others
 * (all-gather); with ZeRO-3 they are gathered when they are needed.
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
  const sharded = options.zero > 0;
  const updates = SHARES.flatMap((share): Update[] => {
    const { elements, size_bytes } = parameters[share];
    if (elements === 0) return [];
    const own = sharded ? Math.ceil(elements / replicas[share].ranks) : elements;
    return [{ elements: own, weight_bytes: size_bytes / elements }];
  });
  const { elements, over } = unsummed;
  const summing = replicasOf(over);
  const summed = SHARES.filter((share) => summing[share].ranks > 1 && elements[share] > 0);
  const gathered = SHARES.filter(
    (share) =>
      sharded && options.zero < 3 && replicas[share].ranks > 1 && parameters[share].elements > 0,
  );
  return [
    ...summed.map((share) => gradientSum(stage, share, elements[share], over)),
    optimizerStep(stage, updates, options.optimizer),
    ...gathered.map((share) =>
      exchange(stage, "all_gather", share, parameters[share].size_bytes, options),
    ),
  ];
}

/** Parameters that one GPU updates, and the width of their weights. */
interface Update {
  readonly elements: number;
  readonly weight_bytes: number;
}

/** The optimizer's step on one GPU, as one memory-bound launch. */
function optimizerStep(
  stage: number,
  updates: readonly Update[],
  optimizer: OptimizerName,
): ComputeKernel {
  const sum = (kind: "read" | "written" | "flops") =>
    updates.reduce(
      (total, { elements, weight_bytes }) =>
        total + elements * updateTraffic(optimizer, weight_bytes)[kind],
      0,
    );
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
      bytes_read: sum("read"),
      bytes_written: sum("written"),
      flops: sum("flops"),
      instructions:
        updates.reduce((total, { elements }) => total + elements, 0) * INSTRUCTIONS.listed,
      dtype: "float32",
    },
    nanobatch: null,
    parameters: [],
  };
}
