import type { TensorNode } from "../../src/ir/tensor-graph.js";

/** Their statistics are saved, so they run to their end. */
const SAVES_STATISTICS: ReadonlySet<string> = new Set(["LayerNormalization", "RMSNormalization"]);

/**
 * What torch.utils.checkpoint without reentrance does not run again: a layer's forward stops there as soon as
 * everything is made that backward reads, see `set_checkpoint_early_stop`; the product that ends an MLP and its
 * collective come later. A compiled backward leaves them out whatever is asked for.
 * @param backward all nodes of backward
 * @param layers those of them that run a layer again, by layer, in order
 */
export function afterEarlyStop(
  backward: readonly TensorNode[],
  layers: readonly (readonly TensorNode[])[],
): ReadonlySet<TensorNode> {
  const again = new Set(layers.flat());
  const read = new Set(backward.flatMap((node) => (again.has(node) ? [] : node.inputs)));
  const isLast = ({ op, outputs }: TensorNode) =>
    SAVES_STATISTICS.has(op) || outputs.some((name) => read.has(name));
  return new Set(layers.flatMap((nodes) => nodes.slice(nodes.findLastIndex(isLast) + 1)));
}
