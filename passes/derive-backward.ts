import { freezeIgnored, recomputeIgnored } from "../src/base/diagnostics/lowering.js";
import type { Pass } from "../src/ir/pass.js";
import { BackwardBuilder } from "./backward/backward-builder.js";
import { forwardOnly } from "./backward/forward-only.js";
import { withMasks } from "./backward/masks.js";
import { checkBackward } from "./checks/backward.js";
import { holdsBackward } from "./rewriting/facts.js";

/**
 * Derives the backward of a forward graph: input-gradient and weight-gradient nodes apart, gradients
 * of tensors with several readers summed, collectives turned into their counterparts. With full
 * recomputation each layer's forward nodes run again just before the layer's backward, with early stop
 * up to the last that backward reads; with selective recomputation the inside of attention does; where
 * that is one fused kernel, which computes its scores again anyway, all but attention and every second
 * linear layer.
 * Needs linear layers recognized, shards placed and layers numbered. Guarantees that every backward
 * node names the forward node it belongs to; a graph that brings its own backward keeps it. Without
 * training (--forward-only) there is none.
 *
 *   before: x -> Linear(W) -> loss
 *   after:  x -> Linear(W) -> loss, Linear/dgrad(dy, W), Linear/wgrad(x, dy)
 */
export const deriveBackward: Pass<"tensor", "tensor"> = {
  name: "derive-backward",
  from: "tensor",
  to: "tensor",
  run: (graph, { options, report }) => {
    if (options.forward_only) return forwardOnly(graph);
    if (!holdsBackward(graph)) {
      return new BackwardBuilder(withMasks(graph), options.recompute).build();
    }
    checkBackward(graph, report);
    const { recompute } = options;
    const freezes = [...graph.tensors.values()].some((tensor) => tensor.frozen);
    if (freezes) report(freezeIgnored(graph.name));
    if (recompute !== "none") report(recomputeIgnored(graph.name, recompute));
    return graph;
  },
};
