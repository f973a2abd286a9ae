import type { SourceNode } from "../source.js";

/** One of the simple nodes, of one output, that stand for what a loop or a sequence does; told as the node itself. */
export function simpleNode(
  node: SourceNode,
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: SourceNode["attributes"],
): SourceNode {
  return { ...node, name: output, op, inputs, outputs: [output], attributes, subgraphs: {} };
}
