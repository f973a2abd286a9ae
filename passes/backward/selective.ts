import { byDefault } from "../../src/base/need.js";
import type { TensorGraph, TensorNode } from "../../src/ir/tensor-graph.js";
import { shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import { attentionCores } from "./attention-cores.js";

type Again = ReadonlyMap<string, readonly TensorNode[]>;

/**
 * What selective recomputation runs again, by the tensors that are not kept, in order. Where attention
 * is not one fused kernel its inside, as Megatron-LM does it. Else, as PyTorch's selective
 * checkpointing in torchtitan: of a layer that attends everything but attention, every other linear
 * layer, the first kept, communication and what the layer hands on.
 */
export function selectivelyAgain(graph: TensorGraph): Again {
  const cores = attentionCores(graph);
  return cores.size > 0 ? cores : operatorsAgain(graph);
}

function operatorsAgain(graph: TensorGraph): Again {
  const attending = new Set(
    graph.nodes.flatMap((node) => (attends(graph, node) ? [node.layer] : [])),
  );
  const again = new Map<string, readonly TensorNode[]>();
  const keeps = keeper(graph);
  const leaving = whatLeaves(graph);
  const layerOf = new Map<string, number>();
  for (const node of graph.nodes) {
    const { layer } = node;
    if (keeps(node) || layer === null || !attending.has(layer)) continue;
    if (node.outputs.some((name) => leaving.has(name))) continue;
    const before = node.inputs.flatMap((name) =>
      layerOf.get(name) === layer ? byDefault(again.get(name), []) : [],
    );
    const nodes = [...new Set([...before, node])];
    for (const name of node.outputs) {
      again.set(name, nodes);
      layerOf.set(name, layer);
    }
  }
  return again;
}

/** What a layer makes and another, or what is in none, reads. */
function whatLeaves({ nodes }: TensorGraph): ReadonlySet<string> {
  const madeIn = new Map(
    nodes.flatMap(({ outputs, layer }) => outputs.map((name) => [name, layer])),
  );
  const leaves = (name: string, layer: number | null) =>
    madeIn.has(name) && madeIn.get(name) !== layer;
  return new Set(
    nodes.flatMap(({ inputs, layer }) => inputs.filter((name) => leaves(name, layer))),
  );
}

function attends(graph: TensorGraph, node: TensorNode): boolean {
  const known = workOf(shapedNode(graph, node));
  return known.kind === "kernel" && known.work.op === "attention";
}

/** Whether the results of a node are kept, asked of all nodes in order. */
function keeper(graph: TensorGraph): (node: TensorNode) => boolean {
  const linears = new Map<number | null, number>();
  return (node) => {
    if (attends(graph, node)) return true;
    const known = workOf(shapedNode(graph, node));
    if (known.kind === "collective") return true;
    if (known.kind !== "kernel") return false;
    const weighs = node.inputs.some((name) => graph.tensors.get(name)?.role === "parameter");
    if (known.work.op !== "matmul" || !weighs) return false;
    const earlier = byDefault(linears.get(node.layer), 0);
    linears.set(node.layer, earlier + 1);
    return earlier % 2 === 0;
  };
}
