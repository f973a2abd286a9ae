import { at } from "../../src/base/need.js";
import type { Tensor, TensorGraph, TensorNode } from "../../src/ir/tensor-graph.js";
import { shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import type { NodeWork } from "../../src/onnx/operators/operator.js";
import { type GraphIndex, indexOf } from "../rewriting/graph-index.js";
import { withTensors } from "../rewriting/rewrite.js";

const COPY = "kareus::CopyToGroup";

type Collective = Extract<NodeWork, { kind: "collective" }>;

/**
 * Completes a forward graph that was sharded by its exporter: there, an all-reduce ends each
 * row-parallel linear, but what runs backward only, the all-reduce where the activation entered the
 * column-parallel ones, leaves no trace. Puts a copy there, whose backward it is.
 */
export function enterGroups(graph: TensorGraph): TensorGraph {
  if (graph.nodes.some((node) => node.op === COPY)) return graph;
  const index = indexOf(graph);
  const entering = new Map<string, { collective: Collective; readers: Set<TensorNode> }>();
  for (const node of graph.nodes) {
    const work = workOf(shapedNode(graph, node));
    if (work.kind !== "collective" || work.collective !== "all_reduce") continue;
    const row = linearBehindViews(index, node);
    if (row === undefined) continue;
    for (const column of linearsAbove(index, row)) {
      const x = at(column.inputs, 0);
      const found = entering.get(x) ?? { collective: work, readers: new Set() };
      found.readers.add(column);
      entering.set(x, found);
    }
  }
  if (entering.size === 0) return graph;
  const tensors: Tensor[] = [];
  const copied = new Set<string>();
  const nodes = graph.nodes.flatMap((node) => {
    const [x] = node.inputs;
    const entry = x === undefined ? undefined : entering.get(x);
    if (x === undefined || !entry?.readers.has(node)) return [node];
    const reader = { ...node, inputs: [`${x}/copy`, ...node.inputs.slice(1)] };
    if (copied.has(x)) return [reader];
    copied.add(x);
    tensors.push({ ...index.tensor(x), name: `${x}/copy` });
    return [copyNode(node, x, entry.collective), reader];
  });
  return withTensors({ ...graph, nodes }, tensors);
}

/** The linear whose result, in whatever shape, an all-reduce sums. */
function linearBehindViews(index: GraphIndex, allReduce: TensorNode): TensorNode | undefined {
  let node = index.producer(allReduce.inputs[0]);
  while (node !== undefined && workOf(shapedNode(index.graph, node)).kind === "free") {
    node = index.producer(node.inputs[0]);
  }
  return node?.op === "kareus::Linear" ? node : undefined;
}

/** The nearest linears that a row-parallel linear's input is computed from. */
function linearsAbove(index: GraphIndex, row: TensorNode): TensorNode[] {
  const found = new Set<TensorNode>();
  const seen = new Set<TensorNode>();
  const pending = row.inputs.slice(0, 1);
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const node = index.producer(name);
    if (node === undefined || seen.has(node)) continue;
    seen.add(node);
    if (node.op === "kareus::Linear") found.add(node);
    else if (workOf(shapedNode(index.graph, node)).kind !== "collective") {
      pending.push(...node.inputs);
    }
  }
  return [...found];
}

function copyNode(near: TensorNode, x: string, { group, ranks }: Collective): TensorNode {
  return {
    ...near,
    name: `${near.name}/copy`,
    op: COPY,
    inputs: [x],
    outputs: [`${x}/copy`],
    attributes: { group, ...(ranks === null ? {} : { group_size: ranks }) },
    origin: "inserted",
    covers: [],
  };
}
