import { at } from "../../src/base/need.js";
import { elementCount, type TensorNode } from "../../src/ir/tensor-graph.js";
import { isComputed } from "../rewriting/facts.js";
import type { GraphIndex } from "../rewriting/graph-index.js";

/** The nodes by which a joint graph computes the backward of one attention. */
interface BackwardRegion {
  /** In the graph's order; none where the graph is forward only. */
  readonly nodes: readonly TensorNode[];
  /** The gradient of the attention's result, as the region reads it. */
  readonly arriving: string;
  /** What the region makes for others: gradients of query, key and value. */
  readonly outputs: readonly string[];
}

/** What a trace needs for dropout, scale, mask, softmax and four products, with room for views. */
const MOST_NODES = 48;

/** The gradients of weights, values, queries and keys, and scores that are made again. */
const MOST_PRODUCTS = 5;

/**
 * Finds the backward of an attention from what it reads of the forward: `scores` are the tensors of
 * the size of the score matrix. Gradients of scores lead from node to node until a product ends
 * them; upwards, the product that began them belongs to it. Null where there is no backward or where
 * its nodes serve others too, so that nothing can be replaced.
 */
export function backwardRegion(
  index: GraphIndex,
  forward: ReadonlySet<TensorNode>,
  scores: readonly string[],
): BackwardRegion | null {
  const region = readersOfScores(index, forward, scores);
  if (region === null || region.size === 0 || !absorbMakers(index, region)) return null;
  for (const node of region) {
    const shared = !index.isReadOnlyBy(node, region);
    if (shared && !isProduct(node) && isViewOfForward(index, node)) region.delete(node);
  }
  const nodes = index.inOrder([...region]);
  // Others are of a bias that is itself a product (of positions relative to each other).
  if (nodes.filter(isProduct).length > MOST_PRODUCTS) return null;
  const outputs = nodes.flatMap((node) =>
    node.outputs.filter((name) => leaves(index, region, name)),
  );
  const size = elementCount(index.tensor(at(scores, 0)).shape);
  const isScattered = (name: string) =>
    !index.isGraphOutput(name) &&
    index.consumers(name).every((reader) => region.has(reader) || SCATTERS.has(reader.op));
  const escapes = nodes.some(
    (node) =>
      !isProduct(node) &&
      node.outputs.some(
        (name) =>
          outputs.includes(name) &&
          elementCount(index.tensor(name).shape) === size &&
          !isScattered(name),
      ),
  );
  const arriving = arrivals(index, region);
  const [first] = arriving;
  const sources = new Set(arriving.map((name) => behindViews(index, name)));
  if (escapes || first === undefined || sources.size !== 1 || outputs.length === 0) return null;
  return { nodes, arriving: first, outputs };
}

/** The backward of a bias that was looked up in other products (positions relative to each other): not the attention's. */
const SCATTERS: ReadonlySet<string> = new Set(["ScatterElements", "ScatterND"]);

/** Backward nodes that read scores or gradients of scores. */
function readersOfScores(
  index: GraphIndex,
  forward: ReadonlySet<TensorNode>,
  scores: readonly string[],
): Set<TensorNode> | null {
  const region = new Set<TensorNode>();
  const pending = [...scores];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    for (const reader of index.consumers(name)) {
      if (forward.has(reader) || region.has(reader) || SCATTERS.has(reader.op)) continue;
      if (reader.direction !== "backward" || region.size >= MOST_NODES) return null;
      region.add(reader);
      if (!isProduct(reader)) pending.push(...reader.outputs.filter((output) => output !== ""));
    }
  }
  return region;
}

/** Adds what made the gradients of the scores, and views of forward tensors that products read. */
function absorbMakers(index: GraphIndex, region: Set<TensorNode>): boolean {
  // A set is walked in order of insertion, what is added on the way included.
  for (const node of region) {
    for (const name of node.inputs) {
      const maker = backwardMaker(index, name);
      if (maker === undefined || region.has(maker)) continue;
      if (isProduct(node) && !isViewOfForward(index, maker)) continue;
      region.add(maker);
      if (region.size > MOST_NODES) return false;
    }
  }
  return true;
}

/** The backward node that computes a tensor; undefined for constants. */
function backwardMaker(index: GraphIndex, name: string): TensorNode | undefined {
  const maker = index.producer(name);
  return maker?.direction === "backward" && isComputed(index.graph, maker) ? maker : undefined;
}

function isViewOfForward(index: GraphIndex, node: TensorNode): boolean {
  let current: TensorNode | undefined = node;
  while (current?.direction === "backward" && VIEWS.has(current.op)) {
    current = index.producer(current.inputs[0]);
  }
  return current === undefined || current.direction === "forward";
}

function leaves(index: GraphIndex, region: ReadonlySet<TensorNode>, name: string): boolean {
  if (name === "") return false;
  return index.isGraphOutput(name) || index.consumers(name).some((reader) => !region.has(reader));
}

/** Backward tensors that enter the region. */
function arrivals(index: GraphIndex, region: ReadonlySet<TensorNode>): string[] {
  const inputs = [...region].flatMap((node) => node.inputs);
  return inputs.filter((name) => {
    const maker = backwardMaker(index, name);
    return maker !== undefined && !region.has(maker);
  });
}

function behindViews(index: GraphIndex, name: string): string {
  let current = name;
  for (;;) {
    const view = index.producer(current);
    const input = view?.inputs[0];
    if (view === undefined || input === undefined || !VIEWS.has(view.op)) return current;
    current = input;
  }
}

const VIEWS: ReadonlySet<string> = new Set([
  ...["Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Identity"],
]);

function isProduct(node: TensorNode): boolean {
  return /^(MatMul|Gemm|com\.microsoft::(Fused|Transpose)MatMul)$/.test(node.op);
}
