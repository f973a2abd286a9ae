import { nameAt } from "../names.js";
import type { SourceGraph, SourceNode } from "../source.js";
import { PRODUCTS } from "./operator-kinds.js";
import { LAYOUT_ONLY } from "./result-roles.js";

/** Other layers that multiply by weights. */
const WEIGHS: ReadonlySet<string> = new Set(["Conv", "ConvTranspose"]);

/** What changes how a weight lies before it is multiplied. */
const LAID_OUT = /^(Transpose|Cast|Identity|Reshape|Squeeze|Unsqueeze)$/;

/** What matrix products and convolutions read, laid out otherwise or not. */
export function multipliedIn(nodes: readonly SourceNode[]): ReadonlySet<string> {
  const multiplied = new Set<string>();
  for (const { op, inputs, outputs } of nodes.toReversed()) {
    const isLaidOut = LAID_OUT.test(op) && multiplied.has(nameAt(outputs, 0));
    if (PRODUCTS.has(op) || WEIGHS.has(op)) for (const name of inputs) multiplied.add(name);
    else if (isLaidOut) multiplied.add(nameAt(inputs, 0));
  }
  return multiplied;
}

/** What stands where layers have their weights, as it is or in another layout. */
export function weightOperands(graph: SourceGraph): ReadonlySet<string> {
  const weights = new Set<string>();
  for (const { op, inputs, outputs } of graph.nodes.toReversed()) {
    const [first, second] = [nameAt(inputs, 0), nameAt(inputs, 1)];
    const isLayer = PRODUCTS.has(op) || op === "Conv" || op.endsWith("Normalization");
    if (isLayer) for (const name of inputs.slice(1)) weights.add(name);
    const looksUp = op === "Gather" && graph.inputs.has(second);
    if (looksUp || (LAYOUT_ONLY.has(op) && weights.has(nameAt(outputs, 0)))) weights.add(first);
  }
  return weights;
}
