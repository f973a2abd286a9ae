import type { TensorGraph, TensorNode } from "../../ir/tensor-graph.js";
import { operatorFor } from "./index.js";
import { type LoweredOperator, loweredOperators } from "./lowered.js";
import type { AxisTarget, NodeWork, ShapedNode } from "./operator.js";

const LOWERED: ReadonlyMap<string, LoweredOperator> = new Map(
  loweredOperators.flatMap((operator) => operator.ops.map((op) => [op, operator] as const)),
);

/** What is known of an operator, whether a file or a pass brought it; undefined if nothing is. */
function knowledgeOf(op: string): LoweredOperator | undefined {
  return LOWERED.get(op) ?? operatorFor(op);
}

/** A node with the shapes of its operands, as the operator rules read it. */
export function shapedNode(graph: Pick<TensorGraph, "tensors">, node: TensorNode): ShapedNode {
  const operand = (name: string) => graph.tensors.get(name) ?? null;
  return {
    name: node.name,
    op: node.op,
    attributes: node.attributes,
    inputs: node.inputs.map(operand),
    outputs: node.outputs.map(operand),
  };
}

/** Where an axis of an input goes; an unknown operator loses it. */
export function followAxis(node: ShapedNode, input: number, axis: number): readonly AxisTarget[] {
  const operator = knowledgeOf(node.op);
  return operator === undefined
    ? node.outputs.map(() => "lost" as const)
    : operator.follow(node, input, axis);
}

/** What a node launches; an unknown operator streams its operands once, element by element. */
export function workOf(node: ShapedNode): NodeWork {
  const operator = knowledgeOf(node.op);
  return operator === undefined
    ? { kind: "pointwise", class: "other", flops: 0 }
    : operator.work(node);
}
