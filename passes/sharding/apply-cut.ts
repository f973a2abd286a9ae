import type { Tensor, TensorGraph, TensorNode } from "../../src/ir/tensor-graph.js";
import { tensorOf } from "../../src/ir/tensor-graph.js";
import { freshNames } from "../rewriting/fresh-names.js";
import { withTensors } from "../rewriting/rewrite.js";
import { collectiveNode, type Group } from "./collective-node.js";
import { localTensor } from "./places.js";
import type { CutPlan } from "./plan-cut.js";

type Shape = Tensor["shape"];

/** Writes local shapes into a graph and puts the collectives where a cut ends. */
export function applyCut(graph: TensorGraph, plan: CutPlan, group: Group): TensorGraph {
  const tensors: Tensor[] = [];
  for (const [name, place] of plan.places) {
    tensors.push(localTensor(tensorOf(graph, name), place, group.ranks));
  }
  const moved = new Set<string>();
  const fresh = freshNames(graph);
  const nodes = graph.nodes.flatMap((node) => {
    const before: TensorNode[] = [];
    /** The tensor after a collective along a place; one collective serves all later readers. */
    const moves = (
      op: "AllGather" | "ScatterToGroup",
      from: Tensor,
      shape: Shape,
      axis: number,
    ) => {
      const name = `${from.name}/${op === "AllGather" ? "all_gather" : "scatter"}`;
      if (moved.has(name)) return name;
      moved.add(name);
      tensors.push({ ...from, name, shape });
      const transfer = { op: `kareus::${op}`, input: from.name, output: name, axis } as const;
      before.push(collectiveNode(node, group, { ...transfer, name: fresh(name) }));
      return name;
    };
    const inputs = node.inputs.map((name, input) => {
      const place = plan.places.get(name);
      if (place !== undefined && plan.whole.has(node)) {
        const whole = { ...tensorOf(graph, name), name: `${name}/whole` };
        tensors.push(whole);
        return whole.name;
      }
      if (place !== undefined && plan.gathered.get(node)?.includes(input)) {
        const whole = tensorOf(graph, name);
        return moves("AllGather", whole, whole.shape, place.axis);
      }
      const part = plan.scattered.get(node)?.get(input);
      if (part === undefined) return name;
      const whole = tensorOf(graph, name);
      const { shape } = localTensor(whole, part, group.ranks);
      return moves("ScatterToGroup", whole, shape, part.axis);
    });
    if (!plan.partial.has(node)) return [...before, { ...node, inputs }];
    const [sum = "", ...rest] = node.outputs;
    const partial = { ...tensorOf(graph, sum), name: `${sum}/partial` };
    tensors.push(partial);
    const outputs = [partial.name, ...rest];
    const reduce = collectiveNode(node, group, {
      op: "kareus::AllReduce",
      name: fresh(`${node.name}/all_reduce`),
      input: partial.name,
      output: sum,
    });
    return [...before, { ...node, inputs, outputs }, reduce];
  });
  return withTensors({ ...graph, nodes }, tensors);
}
