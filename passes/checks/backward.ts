import type { Report } from "../../src/base/diagnostics/diagnostic.js";
import { backwardUnlike } from "../../src/base/diagnostics/lowering.js";
import type { Direction, TensorGraph } from "../../src/ir/tensor-graph.js";
import { flopsOf } from "../../src/ir/work.js";
import { shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import { isComputed } from "../rewriting/facts.js";

/** An attention does five products for its two. */
const ATTENTION = 2.5;
/** What backward may do of what is expected: masks, copies of the scores made again. */
const LEAST = 0.9;
const MOST = 1.3;

/**
 * Reports a graph whose own backward does far less or more than its forward asks for: a product once
 * again for each operand that is no data.
 */
export function checkBackward(graph: TensorGraph, report: Report): void {
  const work: Record<Direction, number> = { forward: 0, backward: 0 };
  let expected = 0;
  for (const node of graph.nodes) {
    if (!isComputed(graph, node)) continue;
    const done = workOf(shapedNode(graph, node));
    if (done.kind !== "kernel" || done.work.op === "memory") continue;
    const flops = flopsOf(done.work);
    work[node.direction] += flops;
    if (node.direction === "backward") continue;
    const trained = node.inputs.slice(0, 2).filter((name) => {
      const role = graph.tensors.get(name)?.role;
      return role === "parameter" || role === "activation";
    });
    expected += flops * (done.work.op === "attention" ? ATTENTION : trained.length);
  }
  if (expected === 0) return;
  const share = work.backward / expected;
  if (share >= LEAST && share <= MOST) return;
  const [found, wanted] = [work.backward, expected].map((flops) =>
    (flops / work.forward).toFixed(2),
  );
  report(backwardUnlike(graph.name, `${found}`, `${wanted} times is expected`));
}
