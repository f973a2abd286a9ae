import { at } from "../src/base/need.js";
import type { Pass } from "../src/ir/pass.js";
import {
  type Tensor,
  type TensorGraph,
  type TensorNode,
  tensorOf,
} from "../src/ir/tensor-graph.js";
import { type GraphIndex, indexOf, otherInput } from "./rewriting/graph-index.js";
import { applyFusions, type Fusion, fuse, withTensors } from "./rewriting/rewrite.js";
import { matchRotation } from "./rope/rotation.js";

/**
 * Turns rotary position embedding written in primitives into one `RotaryEmbedding(x, cos, sin)`:
 * halves or neighbours turned, at once or each for itself; so its backward in a traced graph, which
 * rotates the gradient the other way.
 * Needs no-ops dropped. Guarantees one node per rotated tensor.
 *
 *   before: x * cos + Concat(-Slice(x), Slice(x)) * sin
 *   after:  RotaryEmbedding(x, cos, sin)
 */
export const recognizeRope: Pass<"tensor", "tensor"> = {
  name: "recognize-rope",
  from: "tensor",
  to: "tensor",
  run: (graph) => {
    const index = indexOf(graph);
    const fusions = graph.nodes.flatMap((node) => {
      if (node.op === "Add") return rotationAt(index, node) ?? [];
      if (node.op === "Concat") {
        const merged = index.successor(node, "Reshape", "Flatten");
        return rotationAt(index, node) ?? (merged && rotationAt(index, merged)) ?? [];
      }
      return node.op === "Neg" ? (matchBackward(index, node) ?? []) : [];
    });
    return withoutTrainedTables(applyFusions(graph, fusions));
  },
};

/**
 * Tables that a file stores beside its weights are buffers: what is made of parameters and constants
 * alone, and only rotates, is the same every iteration and not trained.
 */
function withoutTrainedTables(graph: TensorGraph): TensorGraph {
  if (graph.nodes.every(({ op }) => op !== "RotaryEmbedding")) return graph;
  const index = indexOf(graph);
  const fixed = new Set<string>();
  const isFixed = (name: string) => {
    const role = graph.tensors.get(name)?.role;
    return name === "" || role === "constant" || role === "parameter" || fixed.has(name);
  };
  for (const { inputs, outputs } of graph.nodes) {
    if (inputs.every(isFixed)) for (const output of outputs) fixed.add(output);
  }
  const making = new Set<TensorNode>();
  const onlyRotates = (name: string) => {
    const readers = index.consumers(name);
    const rotates = ({ op, inputs }: TensorNode) =>
      op === "RotaryEmbedding" && inputs.indexOf(name) > 0;
    const inside = readers.every((reader) => making.has(reader) || rotates(reader));
    return readers.length > 0 && inside && !index.isGraphOutput(name);
  };
  const tables = new Set<string>();
  for (const node of graph.nodes.toReversed()) {
    const made = node.outputs.filter((name) => name !== "");
    if (made.every((name) => fixed.has(name) && onlyRotates(name))) {
      making.add(node);
      for (const name of made) tables.add(name);
    }
  }
  for (const [name, { role }] of graph.tensors) {
    if (role === "parameter" && onlyRotates(name)) tables.add(name);
  }
  if (tables.size === 0) return graph;
  const constant = [...tables].map((name): Tensor => {
    return { ...tensorOf(graph, name), role: "constant", batch_axis: null };
  });
  return withTensors(graph, constant);
}

function rotationAt(index: GraphIndex, last: TensorNode): Fusion | null {
  const found = matchRotation(index, last);
  if (found === null || !index.isClosed(found.nodes)) return null;
  return fuse("RotaryEmbedding", found.nodes, [found.x, found.cos, found.sin]);
}

/** Matches from the half that is negated: both halves of dY * sin change places in zeros and add. */
function matchBackward(index: GraphIndex, negate: TensorNode): Fusion | null {
  const upper = index.producerOf(negate.inputs[0], "Slice", "Split");
  const turned = upper?.inputs[0];
  const timesSin = index.producerOf(turned, "Mul");
  const padNegated = index.successor(negate, "Pad");
  const halves = padNegated && index.successor(padNegated, "Add");
  const padKept = halves && index.producerOf(otherInput(halves, at(padNegated.outputs, 0)), "Pad");
  const lower = index.producerOf(padKept?.inputs[0], "Slice", "Split");
  const last = halves && index.successor(halves, "Add");
  const timesCos = last && index.producerOf(otherInput(last, at(halves.outputs, 0)), "Mul");
  if (!upper || !timesSin || !padNegated || !halves || !padKept || !lower || !last || !timesCos) {
    return null;
  }
  const dy = timesSin.inputs.find((name) => timesCos.inputs.includes(name));
  if (lower.inputs[0] !== turned || dy === undefined) return null;
  const [cos, sin] = [otherInput(timesCos, dy), otherInput(timesSin, dy)];
  if (cos === undefined || sin === undefined) return null;
  const both = upper === lower ? [lower] : [upper, lower];
  const nodes = index.inOrder([
    timesSin,
    ...both,
    negate,
    padNegated,
    padKept,
    halves,
    timesCos,
    last,
  ]);
  return index.isClosed(nodes) ? fuse("RotaryEmbedding", nodes, [dy, cos, sin]) : null;
}
