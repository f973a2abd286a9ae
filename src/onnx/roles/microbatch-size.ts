import type { TensorRole } from "../../ir/tensor-graph.js";
import type { Fact } from "../operators/operator.js";
import type { SourceNode } from "../source.js";
import { ARRIVALS } from "./operator-kinds.js";

/** The leading size of the first data input, else of the first tensor that arrives. */
export function microbatchSize(
  nodes: readonly SourceNode[],
  roles: ReadonlyMap<string, TensorRole>,
  facts: ReadonlyMap<string, Fact>,
): number {
  const data = [...roles].flatMap(([name, role]) => (role === "data" ? [name] : []));
  const arrived = nodes.flatMap((node) => (ARRIVALS.has(node.op) ? node.outputs : []));
  for (const name of [...data, ...arrived]) {
    const leading = facts.get(name)?.shape[0];
    if (leading !== undefined) return leading;
  }
  return 1;
}
