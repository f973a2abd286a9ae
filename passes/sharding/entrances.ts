import { elementCount, isFloating, type TensorNode } from "../../src/ir/tensor-graph.js";
import { dtypeBytes } from "../../src/ir/work.js";
import { shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import type { GraphIndex } from "../rewriting/graph-index.js";

/** Whole activations that enter sharded computation, and the nodes that read them inside. */
export type Entrances = ReadonlyMap<string, ReadonlySet<TensorNode>>;

/** What a climb may take in: the heads of a large model, each split off and repeated for itself. */
const MOST_STEPS = 2000;

/**
 * Where activations that every rank holds whole enter sharded computation, given the nodes there that
 * read them (`entering`). Their gradients are summed there over the ranks. A gradient is linear in
 * the one behind it, so the sum may as well be taken further up, where less is to be summed: before a
 * tensor was expanded to heads, or a product of two was formed, as long as nothing else reads what
 * lies between and no parameter is met there.
 */
export function entrancesOf(
  index: GraphIndex,
  entering: Entrances,
  isSharded: (node: TensorNode) => boolean,
): Entrances {
  const front = new Map(entering);
  for (const name of entering.keys()) {
    if (!front.has(name)) continue;
    for (const [each, readers] of climb(index, front, name, isSharded)) {
      if (readers === null) front.delete(each);
      else front.set(each, readers);
    }
  }
  return front;
}

/** What becomes of entrances; null: they are none any more. */
type Changes = ReadonlyMap<string, ReadonlySet<TensorNode> | null>;

/** One of the entrances, and what hangs on it, moved to where the least is summed. */
function climb(
  index: GraphIndex,
  front: Entrances,
  name: string,
  isSharded: (node: TensorNode) => boolean,
): Changes {
  const changes = new Map<string, ReadonlySet<TensorNode> | null>();
  const readersOf = (each: string) => {
    const changed = changes.get(each);
    return changed === undefined ? (front.get(each) ?? null) : changed;
  };
  let best: Changes = new Map();
  let [change, least] = [0, 0];
  const open = new Set([name]);
  for (let step = 0; step < MOST_STEPS; step++) {
    const maker = index.latest([...open]);
    if (maker === undefined) break;
    const made = maker.outputs.filter(
      (output) => output !== "" && index.consumers(output).length > 0,
    );
    const inside = made.every((output) => {
      const readers = readersOf(output);
      if (readers === null || index.isGraphOutput(output)) return false;
      return index.consumers(output).every((reader) => readers.has(reader));
    });
    const read = differentiableInputs(index, maker);
    const passes = inside && read.length > 0 && !isSharded(maker);
    if (!passes || !isLinearBackward(index, maker)) {
      // Waits for its other results, which lie open still, or ends here.
      for (const output of maker.outputs) open.delete(output);
      continue;
    }
    for (const output of made) {
      change -= bytesOf(index, output);
      changes.set(output, null);
      open.delete(output);
    }
    for (const input of read) {
      const readers = readersOf(input);
      if (readers === null) change += bytesOf(index, input);
      changes.set(input, new Set([...(readers ?? []), maker]));
      open.add(input);
    }
    if (change >= least) continue;
    least = change;
    best = new Map(changes);
  }
  return best;
}

/** Whether a node's inputs take their gradients from its results' alone, and no parameter does. */
function isLinearBackward(index: GraphIndex, node: TensorNode): boolean {
  if (node.direction !== "forward" || workOf(shapedNode(index.graph, node)).kind === "collective") {
    return false;
  }
  return node.inputs.every((name) => name === "" || index.tensor(name).role !== "parameter");
}

/** The inputs of a node that take a gradient: not the places at which it reads. */
function differentiableInputs(index: GraphIndex, { op, inputs }: TensorNode): readonly string[] {
  const values = op.startsWith("Gather") ? inputs.slice(0, 1) : inputs;
  return [...new Set(values)].filter((name) => isDifferentiable(index, name));
}

function isDifferentiable(index: GraphIndex, name: string): boolean {
  if (name === "") return false;
  const { role, dtype } = index.tensor(name);
  return role === "activation" && isFloating(dtype);
}

function bytesOf(index: GraphIndex, name: string): number {
  if (!isDifferentiable(index, name)) return 0;
  const { shape, dtype } = index.tensor(name);
  return elementCount(shape) * dtypeBytes(dtype);
}
