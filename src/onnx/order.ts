import { fail, type Report } from "../base/diagnostics/diagnostic.js";
import { graphCycle, missingTensor, redefinedTensors } from "../base/diagnostics/graph.js";
import { nodeLabel, readsOf } from "./names.js";
import type { SourceNode } from "./source.js";

/**
 * Nodes with every tensor defined once and before its use; the file's order stays where it can.
 * `known` holds the tensors defined outside. Warns once about repeated definitions (the first
 * stays); fails on a cycle and on a tensor that nothing defines.
 */
export function orderNodes(
  nodes: readonly SourceNode[],
  known: { has(name: string): boolean },
  report: Report,
): readonly SourceNode[] {
  const unique = withoutRedefinitions(nodes, known, report);
  if (isOrdered(unique, known)) return unique;
  const producers = new Map<string, number>();
  unique.forEach((node, index) => {
    for (const output of node.outputs) if (output !== "") producers.set(output, index);
  });
  const dependencies = unique.map((node, index) => producersOf(node, index, producers, known));
  return sorted(unique, dependencies);
}

/** Whether every tensor is defined before its use, as in nearly every file. */
function isOrdered(nodes: readonly SourceNode[], known: { has(name: string): boolean }): boolean {
  const defined = new Set<string>();
  return nodes.every((node) => {
    const ready = readsOf(node).every(
      (name) => name === "" || defined.has(name) || known.has(name),
    );
    for (const output of node.outputs) defined.add(output);
    return ready;
  });
}

function withoutRedefinitions(
  nodes: readonly SourceNode[],
  known: { has(name: string): boolean },
  report: Report,
): readonly SourceNode[] {
  const defined = new Set<string>();
  const repeated: string[] = [];
  const kept: SourceNode[] = [];
  for (const node of nodes) {
    const again = node.outputs.filter(
      (name) => name !== "" && (defined.has(name) || known.has(name)),
    );
    for (const name of node.outputs) defined.add(name);
    repeated.push(...again);
    if (again.length === 0) kept.push(node);
    else if (node.outputs.some((name) => name !== "" && !again.includes(name))) {
      kept.push({ ...node, outputs: node.outputs.map((n) => (again.includes(n) ? "" : n)) });
    }
  }
  const [first] = repeated;
  if (first !== undefined) report(redefinedTensors(first, repeated.length));
  return kept;
}

function producersOf(
  node: SourceNode,
  index: number,
  producers: ReadonlyMap<string, number>,
  known: { has(name: string): boolean },
): readonly number[] {
  const before: number[] = [];
  for (const name of readsOf(node)) {
    const producer = producers.get(name);
    if (producer === index) fail(graphCycle(nodeLabel(node)));
    if (producer !== undefined) before.push(producer);
    else if (name !== "" && !known.has(name)) fail(missingTensor(nodeLabel(node), name));
  }
  return before;
}

/** Depth first in the file's order, without recursion: graphs are deep. */
function sorted(
  nodes: readonly SourceNode[],
  dependencies: readonly (readonly number[])[],
): readonly SourceNode[] {
  const order: SourceNode[] = [];
  const state = new Uint8Array(nodes.length);
  const [NEW, OPEN, DONE] = [0, 1, 2];
  for (let root = 0; root < nodes.length; root += 1) {
    const stack = state[root] === NEW ? [root] : [];
    while (stack.length > 0) {
      const index = stack[stack.length - 1] ?? 0;
      const node = nodes[index];
      if (node === undefined || state[index] === DONE) {
        stack.pop();
        continue;
      }
      const waiting = state[index] === NEW ? (dependencies[index] ?? []) : [];
      if (state[index] === OPEN || waiting.every((other) => state[other] === DONE)) {
        state[index] = DONE;
        order.push(node);
        stack.pop();
        continue;
      }
      state[index] = OPEN;
      for (const other of [...waiting].reverse()) {
        if (state[other] === OPEN) fail(graphCycle(nodeLabel(node)));
        if (state[other] === NEW) stack.push(other);
      }
    }
  }
  return order;
}
