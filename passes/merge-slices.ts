import { at } from "../src/base/need.js";
import type { Pass } from "../src/ir/pass.js";
import type { TensorNode } from "../src/ir/tensor-graph.js";
import { GraphIndex } from "./rewriting/graph-index.js";

/**
 * Turns slices that together are a whole tensor into one `Split`: exporters write a projection of
 * queries, keys and values, or of a gate and what it gates, as slices of one result. What is known of
 * a split, how it is cut over ranks and that its gradient is one concatenation, then holds for them.
 * Needs patterns that are written with slices (rotary embedding) recognized.
 *
 *   before: Slice(qkv), Slice(qkv), Slice(qkv)
 *   after:  Split(qkv) -> q, k, v
 */
export const mergeSlices: Pass<"tensor", "tensor"> = {
  name: "merge-slices",
  from: "tensor",
  to: "tensor",
  run: (graph) => {
    const index = new GraphIndex(graph);
    const merged = new Map<TensorNode, TensorNode | null>();
    for (const node of graph.nodes) {
      if (node.op !== "Slice" || merged.has(node)) continue;
      const slices = index.consumers(at(node.inputs, 0));
      const axis = partsOf(index, slices);
      if (axis === null) continue;
      for (const slice of slices) merged.set(slice, null);
      merged.set(node, {
        ...node,
        op: "Split",
        inputs: node.inputs.slice(0, 1),
        outputs: slices.map(({ outputs }) => at(outputs, 0)),
        attributes: { axis },
        covers: slices.flatMap(({ covers }) => covers),
      });
    }
    if (merged.size === 0) return graph;
    const nodes = graph.nodes.flatMap((node) => {
      const into = merged.get(node);
      return into === undefined ? [node] : into === null ? [] : [into];
    });
    return { ...graph, nodes };
  },
};

/** The axis along which all readers of a tensor are slices whose sizes add up to it; else null. */
function partsOf(index: GraphIndex, readers: readonly TensorNode[]): number | null {
  const first = at(readers, 0);
  const whole = index.tensor(at(first.inputs, 0));
  if (readers.length < 2 || whole.role !== "activation") return null;
  if (index.isGraphOutput(whole.name)) return null;
  const shapes = readers.map(({ outputs }) => index.tensor(at(outputs, 0)).shape);
  const sliced = readers.every(
    ({ op, direction, layer }) =>
      op === "Slice" && direction === first.direction && layer === first.layer,
  );
  const axis = whole.shape.findIndex((dim, a) => dim !== shapes[0]?.[a]);
  const along = shapes.every((shape) =>
    shape.every((dim, a) => a === axis || dim === whole.shape[a]),
  );
  const total = shapes.reduce((sum, shape) => sum + at(shape, axis), 0);
  return sliced && along && axis >= 0 && total === whole.shape[axis] ? axis : null;
}
