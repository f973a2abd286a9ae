import { at, need } from "../src/base/need.js";
import type { Pass } from "../src/ir/pass.js";
import { elementCount, type Tensor, type TensorNode } from "../src/ir/tensor-graph.js";
import { numberOf, permutationOf } from "../src/onnx/operators/call.js";
import { type GraphIndex, indexOf } from "./rewriting/graph-index.js";
import { withTensors } from "./rewriting/rewrite.js";

/**
 * Turns slices that together are a whole tensor into one `Split`: exporters write a projection of
 * queries, keys and values, or of a gate and what it gates, as slices of one result. What is known of
 * a split, how it is cut over ranks and that its gradient is one concatenation, then holds for them.
 * A single position may also be gathered, from the tensor itself or from a transpose of it.
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
    const index = indexOf(graph);
    const tensors: Tensor[] = [];
    const merged = new Map<TensorNode, readonly TensorNode[]>();
    for (const node of graph.nodes) {
      if (node.op !== "Slice" || merged.has(node)) continue;
      const [whole] = node.inputs;
      const takes = whole === undefined ? null : takesOf(index, whole);
      if (whole === undefined || takes === null || !areWhole(index, whole, takes)) continue;
      const pieces = takes.map((take) => pieceOf(index, whole, take));
      for (const reader of index.consumers(whole)) merged.set(reader, []);
      for (const piece of pieces) {
        merged.set(piece.taken, piece.nodes);
        tensors.push(...piece.tensors);
      }
      const split: TensorNode = {
        ...node,
        op: "Split",
        inputs: [whole],
        outputs: pieces.map(({ name }) => name),
        attributes: { axis: at(takes, 0).axis },
        covers: takes.flatMap(({ node: { covers } }) => covers),
      };
      const [first] = index.inOrder(takes.map((take) => take.node));
      if (first !== undefined) merged.set(first, [split, ...need(merged, first)]);
    }
    if (merged.size === 0) return graph;
    const nodes = graph.nodes.flatMap((node) => merged.get(node) ?? [node]);
    return withTensors({ ...graph, nodes }, tensors);
  },
};

/** A node that takes some positions of an axis of a tensor. */
interface Take {
  readonly node: TensorNode;
  readonly axis: number;
  readonly size: number;
  /** Of a transpose in between. */
  readonly perm: readonly number[] | null;
}

/** What all readers of a tensor take of it; null if one does anything else. */
function takesOf(index: GraphIndex, name: string): Take[] | null {
  const { shape } = index.tensor(name);
  const found = index.consumers(name).map((node): Take[] | null => {
    const output = at(node.outputs, 0);
    if (node.op === "Slice") {
      const part = index.tensor(output).shape;
      const axis = part.findIndex((dim, a) => dim !== shape[a]);
      return axis < 0 ? null : [{ node, axis, size: at(part, axis), perm: null }];
    }
    if (node.op === "Transpose" && !index.isGraphOutput(output)) {
      const perm = permutationOf(node, shape.length);
      const axes = index.consumers(output).map((reader) => gatheredAxis(index, reader));
      return index.consumers(output).flatMap((reader, i) => {
        const axis = axes[i];
        return axis === undefined || axis === null || axes.includes(null)
          ? []
          : [{ node: reader, axis: at(perm, axis), size: 1, perm }];
      });
    }
    const axis = gatheredAxis(index, node);
    return axis === null ? null : [{ node, axis, size: 1, perm: null }];
  });
  return found.every((takes) => takes !== null && takes.length > 0)
    ? found.flatMap((t) => t ?? [])
    : null;
}

/** The axis of which a node gathers one fixed position, known or not; null if it does not. */
function gatheredAxis(index: GraphIndex, { op, inputs, attributes }: TensorNode): number | null {
  const [data = "", places = ""] = inputs;
  if ((op !== "Gather" && op !== "GatherND") || data === "" || places === "") return null;
  const { shape, role } = index.tensor(places);
  if (role !== "constant" || elementCount(shape) !== 1) return null;
  const rank = index.tensor(data).shape.length;
  if (op === "Gather")
    return shape.length > 1 ? null : (numberOf({ op, attributes }, "axis", 0) + rank) % rank;
  return shape.join() === "1,1" && numberOf({ op, attributes }, "batch_dims", 0) === 0 ? 0 : null;
}

/** Whether takes lie along one axis, in one half of the graph, and add up to the tensor. */
function areWhole(index: GraphIndex, name: string, takes: readonly Take[]): boolean {
  const { shape, role } = index.tensor(name);
  const [first] = takes;
  if (first === undefined || takes.length < 2 || role !== "activation") return false;
  if (index.isGraphOutput(name)) return false;
  const { axis, node } = first;
  const alike = takes.every(
    (take) =>
      take.axis === axis &&
      take.node.direction === node.direction &&
      take.node.layer === node.layer &&
      (take.node.op !== "Slice" ||
        index
          .tensor(at(take.node.outputs, 0))
          .shape.every((dim, a) => a === axis || dim === shape[a])),
  );
  return alike && takes.reduce((sum, { size }) => sum + size, 0) === shape[axis];
}

interface Piece {
  /** The split's output. */
  readonly name: string;
  readonly taken: TensorNode;
  /** What stands in place of what took it. */
  readonly nodes: readonly TensorNode[];
  readonly tensors: readonly Tensor[];
}

/** A part of a split, arranged as what took it had it. */
function pieceOf(index: GraphIndex, whole: string, { node, axis, size, perm }: Take): Piece {
  const output = at(node.outputs, 0);
  const tensor = index.tensor(whole);
  const piece = { ...tensor, name: `${output}/piece`, shape: tensor.shape.with(axis, size) };
  const turned = perm === null ? piece.shape : perm.map((from) => at(piece.shape, from));
  const same = turned.join() === index.tensor(output).shape.join();
  if (perm === null && same) return { name: output, taken: node, nodes: [], tensors: [] };
  const nodes: TensorNode[] = [];
  const tensors: Tensor[] = [piece];
  const inserted = { ...node, origin: "inserted", covers: [] } as const;
  let current = piece.name;
  if (perm !== null) {
    const name = same ? output : `${output}/turned`;
    const batch_axis = tensor.batch_axis === null ? null : perm.indexOf(tensor.batch_axis);
    if (!same) tensors.push({ ...tensor, name, shape: turned, batch_axis });
    const transpose = { op: "Transpose", inputs: [current], outputs: [name], attributes: { perm } };
    nodes.push({ ...inserted, name: same ? node.name : `${node.name}/turned`, ...transpose });
    current = name;
  }
  if (!same) {
    nodes.push({
      ...inserted,
      op: "Reshape",
      inputs: [current],
      outputs: [output],
      attributes: {},
    });
  }
  return { name: piece.name, taken: node, nodes, tensors };
}
