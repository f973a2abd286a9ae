import { ranksPerNode, replicasOf } from "../../src/ir/groups.js";
import type { CollectiveKind, CommunicationKernel } from "../../src/ir/kernel-graph.js";
import { gradientBytes } from "../../src/ir/optimizer.js";
import type { LoweringContext } from "../../src/ir/pass.js";

type Options = LoweringContext["options"];

/** Parameters by which ranks hold the same ones: experts are held by fewer GPUs than the rest. */
export const SHARES = ["dense", "experts"] as const;
export type Share = (typeof SHARES)[number];
export type Elements = Readonly<Record<Share, number>>;

export const NO_ELEMENTS: Elements = { dense: 0, experts: 0 };

/** What all kernels have in common that no node of the graph stands for. */
export const AFTER_BACKWARD = {
  direction: "backward",
  origin: "inserted",
  layer: null,
  chunk: 0,
  after: [],
  saved_bytes: 0,
  released_bytes: 0,
  working_bytes: 0,
  input_bytes: 0,
} as const;

/** A collective among all ranks that hold the same parameters. */
export function exchange(
  stage: number,
  collective: CollectiveKind,
  share: Share,
  size_bytes: number,
  options: Options,
): CommunicationKernel {
  const { kinds, ranks, name: group } = replicasOf(options)[share];
  const name = `${group}/${collective}`;
  return {
    ...AFTER_BACKWARD,
    kind: "communication",
    name,
    nodes: [name],
    stage,
    collective,
    size_bytes,
    nanobatch_size_bytes: null,
    group,
    ranks,
    ranks_per_node: ranksPerNode(kinds, options, options.gpus_per_node),
  };
}

/** Sums the gradients of some parameters; with ZeRO-1 each rank gets the sums of its share. */
export function gradientSum(
  stage: number,
  share: Share,
  elements: number,
  options: Options,
): CommunicationKernel {
  const collective = options.zero > 0 ? "reduce_scatter" : "all_reduce";
  return exchange(stage, collective, share, elements * gradientBytes(options.optimizer), options);
}
