import type { AttributeValue } from "../ir/tensor-graph.js";
import { nameAt } from "./names.js";
import type { SourceNode } from "./source.js";

/** What bodies of composite operators are written in. */

type Attributes = Readonly<Record<string, AttributeValue>>;

/** One node of a body: operator, inputs, outputs, attributes. */
export type Part = readonly [
  op: string,
  ins: readonly string[],
  outs: readonly string[],
  Attributes?,
];

/** Inputs are called `in0`, `in1`..., outputs `out0`, `out1`.... */
export type Body = (node: SourceNode) => readonly Part[];

/** A body for some nodes of an operator; null where its own entry does. */
export type BodyOfSome = (node: SourceNode) => readonly Part[] | null;

/** More than any composite has: the ones that a node lacks are absent inside too. */
export const MOST_OPERANDS = 16;

/** Whether a node has an input at a position; the empty name stands for none. */
export function has(node: SourceNode, input: number): boolean {
  return nameAt(node.inputs, input) !== "";
}

/** Whether anything uses a node's output at a position. */
export function wants(node: SourceNode, output: number): boolean {
  return nameAt(node.outputs, output) !== "";
}
