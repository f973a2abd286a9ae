import { fail, type Report } from "../base/diagnostics/diagnostic.js";
import { graphCycle, missingTensor, redefinedTensors } from "../base/diagnostics/graph.js";
import { at } from "../base/need.js";
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
  const { unique, isOrdered } = firstDefinitions(nodes, known, report);
  if (isOrdered) return unique;
  const producers = new Map<string, number>();
  unique.forEach((node, index) => {
    for (const output of node.outputs) if (output !== "") producers.set(output, index);
  });
  const dependencies = unique.map((node, index) => producersOf(node, index, producers, known));
  return sorted(unique, dependencies);
}

/**
 * The nodes without repeated definitions, and whether every tensor is defined before its use, as in
 * nearly every file.
 */
function firstDefinitions(
  nodes: readonly SourceNode[],
  known: { has(name: string): boolean },
  report: Report,
): { readonly unique: readonly SourceNode[]; readonly isOrdered: boolean } {
  const defined = new Set<string>();
  const isDefined = (name: string) => name !== "" && (defined.has(name) || known.has(name));
  const repeated: string[] = [];
  const unique: SourceNode[] = [];
  let isOrdered = true;
  for (const node of nodes) {
    const isAgain = (name: string, k: number) =>
      name !== "" && (isDefined(name) || node.outputs.indexOf(name) < k);
    const isRepeated = node.outputs.some(isAgain);
    const outputs = isRepeated
      ? node.outputs.map((name, k) => (isAgain(name, k) ? "" : name))
      : node.outputs;
    if (isRepeated) repeated.push(...node.outputs.filter(isAgain));
    if (!isRepeated || outputs.some((name) => name !== "")) {
      isOrdered &&= readsOf(node).every((name) => name === "" || isDefined(name));
      unique.push(isRepeated ? { ...node, outputs } : node);
    }
    for (const name of node.outputs) defined.add(name);
  }
  const [first] = repeated;
  if (first !== undefined) report(redefinedTensors(first, repeated.length));
  return { unique, isOrdered };
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
      const index = at(stack, -1);
      const node = at(nodes, index);
      if (state[index] === DONE) {
        stack.pop();
        continue;
      }
      const waiting = state[index] === NEW ? at(dependencies, index) : [];
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
