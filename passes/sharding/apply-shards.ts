import { fail } from "../../src/base/diagnostics/diagnostic.js";
import { tensorParallelIndivisible } from "../../src/base/diagnostics/lowering.js";
import { at } from "../../src/base/need.js";
import {
  elementCount,
  type Tensor,
  type TensorGraph,
  type TensorNode,
  tensorOf,
} from "../../src/ir/tensor-graph.js";
import { numberOf } from "../../src/onnx/operators/call.js";
import { freshNames } from "../rewriting/fresh-names.js";
import { type GraphIndex, indexOf } from "../rewriting/graph-index.js";
import { withTensors } from "../rewriting/rewrite.js";
import { collectiveNode } from "./collective-node.js";
import { partOf } from "./cut.js";
import { type Entrances, entrancesOf } from "./entrances.js";
import { normOfParts } from "./norm-along.js";
import { putOffSums } from "./pending-sums.js";
import type { ShardPlan } from "./plan-shards.js";

/** Writes local shapes into a graph and puts the collectives where a shard plan says. */
export function applyShards(whole: TensorGraph, plan: ShardPlan, tp: number): TensorGraph {
  const isSharded = (node: TensorNode) => readsShards(plan, node);
  const { graph, partial: sums, met } = putOffSums(whole, plan.partial, isSharded);
  const index = indexOf(graph);
  const entrances = entrancesOf(index, entering(index, plan, met), isSharded);
  const tensors: Tensor[] = [];
  for (const [name, cut] of plan.cuts) tensors.push(partOf(tensorOf(graph, name), cut));
  const group = { name: "tp", ranks: tp } as const;
  const copied = new Set<string>();
  const fresh = freshNames(graph);
  const nodes = graph.nodes.flatMap((node) => {
    const result: TensorNode[] = [];
    const entered = node.inputs.map((input) => {
      if (!entrances.get(input)?.has(node)) return input;
      const copy = `${input}/copy`;
      if (!copied.has(input)) {
        copied.add(input);
        tensors.push({ ...tensorOf(graph, input), name: copy });
        const transfer = { op: "kareus::CopyToGroup", input, output: copy } as const;
        const number = result.length === 0 ? "" : `_${result.length}`;
        const name = fresh(`${node.name}/copy${number}`);
        result.push(collectiveNode(node, group, { ...transfer, name }));
      }
      return copy;
    });
    const inputs = entered.map((name, i) => {
      const cut = plan.sliced.get(node)?.get(i);
      if (cut === undefined) return name;
      const part = `${name}/part`;
      if (!copied.has(part)) {
        copied.add(part);
        const own = partOf(tensorOf(graph, at(node.inputs, i)), cut);
        tensors.push({ ...own, name: part });
        result.push(sliceNode(node, fresh(part), name, part));
      }
      return part;
    });
    const reduced = at(node.outputs, 0);
    if (!sums.has(node) && !plan.losses.has(node)) {
      const local = { ...node, inputs, attributes: localAttributes(graph, plan, node, tp) };
      if (!plan.norms.has(node)) return [...result, local];
      const norm = normOfParts(local, tensorOf(graph, at(node.inputs, 0)), group);
      tensors.push(...norm.tensors);
      return [...result, ...norm.nodes];
    }
    const summed = plan.losses.has(node)
      ? tokenStatistics(graph, node, reduced)
      : tensorOf(graph, reduced);
    const partial = `${reduced}/partial`;
    tensors.push(summed, { ...summed, name: partial });
    const outputs = [partial, ...node.outputs.slice(1)];
    const reduce = collectiveNode(node, group, {
      op: "kareus::AllReduce",
      name: fresh(`${node.name}/all_reduce`),
      input: partial,
      output: reduced,
    });
    return [...result, { ...node, inputs, outputs }, reduce];
  });
  return withTensors({ ...graph, nodes }, tensors);
}

/** Takes a rank's part of what it holds whole. */
function sliceNode(near: TensorNode, name: string, input: string, output: string): TensorNode {
  return {
    name,
    op: "Slice",
    inputs: [input],
    outputs: [output],
    attributes: {},
    direction: near.direction,
    origin: "inserted",
    layer: near.layer,
    covers: [],
  };
}

/** Whole activations that sharded nodes read, or that meet sums put off. */
function entering(index: GraphIndex, plan: ShardPlan, met: Entrances): Entrances {
  const entrances = new Map(met);
  for (const name of plan.entering) {
    const readers = index.consumers(name).filter((node) => readsShards(plan, node));
    if (readers.length > 0) entrances.set(name, new Set([...(met.get(name) ?? []), ...readers]));
  }
  return entrances;
}

/** Whether a node computes on shards: one of its parameters or results is cut. */
function readsShards(plan: ShardPlan, node: TensorNode): boolean {
  return [...node.inputs, ...node.outputs].some((name) => plan.cuts.has(name));
}

/** Attributes that count groups of channels; those that count heads, where these lie side by side in the last axis that is cut. */
const HEADS = ["num_heads", "q_num_heads", "kv_num_heads"];

function localAttributes(
  graph: TensorGraph,
  plan: ShardPlan,
  node: TensorNode,
  tp: number,
): TensorNode["attributes"] {
  const [x = "", keys = ""] = node.inputs;
  const groups = numberOf(node, "group", 1);
  const channels = plan.cuts.get(at(node.outputs, 0));
  if (groups > 1 && channels?.axis === 1 && /Conv/.test(node.op)) {
    const own = partOf(tensorOf(graph, at(node.outputs, 0)), channels).shape;
    const share = at(own, 1) / at(tensorOf(graph, at(node.outputs, 0)).shape, 1);
    return { ...node.attributes, group: Math.max(1, groups * share) };
  }
  const counted = HEADS.filter((name) => numberOf(node, name, 0) > 0);
  const axis = plan.cuts.get(x)?.axis;
  if (counted.length === 0 || axis === undefined) return node.attributes;
  if (axis !== tensorOf(graph, x).shape.length - 1) return node.attributes;
  const local = counted.map((name) => {
    const heads = Number(node.attributes[name]);
    const parts = (name === "kv_num_heads" && plan.cuts.get(keys)?.parts) || tp;
    if (heads % parts !== 0) fail(tensorParallelIndivisible(node.name, tp, heads, axis));
    return [name, heads / parts] as const;
  });
  return { ...node.attributes, ...Object.fromEntries(local) };
}

/** Vocabulary-parallel cross-entropy exchanges a maximum, a sum and a target logit per token. */
function tokenStatistics(graph: TensorGraph, loss: TensorNode, name: string): Tensor {
  const labels = tensorOf(graph, at(loss.inputs, 1));
  const shape = [elementCount(labels.shape), 3];
  return { ...tensorOf(graph, name), dtype: "float32", shape, batch_axis: 0 };
}
