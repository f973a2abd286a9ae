import { addTo, need } from "../../src/base/need.js";
import { gradientBytes, type OptimizerName } from "../../src/ir/optimizer.js";
import { elementCount, type TensorGraph } from "../../src/ir/tensor-graph.js";
import { dtypeBytes, type MemoryWork } from "../../src/ir/work.js";
import { isOptimizer } from "../../src/onnx/forward-end.js";
import type { Launch } from "./launches.js";

/**
 * The kernels that add a microbatch's gradients to those of the microbatches before: one for each
 * layer, behind the last launch of its backward, and one behind each launch outside layers that makes
 * a parameter's gradient. By launch; none in a graph that updates its parameters itself.
 */
export function accumulations(
  graph: TensorGraph,
  launches: readonly { readonly launch: Launch }[],
  optimizer: OptimizerName,
): ReadonlyMap<number, MemoryWork> {
  if (graph.nodes.some(({ op }) => isOptimizer(op))) return new Map();
  const lastOfLayer = new Map<number, number>();
  for (const [i, { launch }] of launches.entries()) {
    const [first] = launch.nodes;
    if (launch.kind === "communication" || first?.direction !== "backward") continue;
    if (first.layer !== null) lastOfLayer.set(first.layer, i);
  }
  const elements = new Map<number, number>();
  const made_bytes = new Map<number, number>();
  for (const [i, { launch }] of launches.entries()) {
    const layer = launch.nodes[0]?.layer ?? null;
    const place = layer === null ? i : (lastOfLayer.get(layer) ?? i);
    for (const name of launch.writes) {
      const tensor = graph.tensors.get(name);
      if (tensor?.role !== "gradient") continue;
      const count = elementCount(tensor.shape);
      addTo(elements, place, count);
      addTo(made_bytes, place, count * dtypeBytes(tensor.dtype));
    }
  }
  const width = gradientBytes(optimizer);
  return new Map(
    [...elements].map(([place, count]) => {
      const sums_bytes = width * count;
      const bytes_read = sums_bytes + need(made_bytes, place);
      const dtype = width === 4 ? "float32" : "bfloat16";
      const traffic = { bytes_read, bytes_written: sums_bytes };
      return [place, { op: "memory", class: "other", ...traffic, flops: count, dtype }];
    }),
  );
}
