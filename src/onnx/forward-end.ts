import { elementCount, type isFloating, type TensorRole } from "../ir/tensor-graph.js";

/*
 * Where the forward half of a graph ends, and whether a backward half follows: asked of the file (to
 * tell gradients from sums that the loss is made of) and of the graph that passes rewrite.
 */

/** Whether an operator computes a gradient, by its name: in every domain they are called so. */
export function isGradientOp(op: string): boolean {
  return /Grad(_\d+)?$|_dX$|Gradient$|_backward$/.test(op);
}

/** Whether an operator computes a loss: where forward ends. */
export function isLoss(op: string): boolean {
  return /Loss(Internal)?$/.test(op);
}

/** Whether an operator updates parameters. */
export function isOptimizer(op: string): boolean {
  return /(Adam|AdamW|SGD|Lamb|Momentum|Adagrad)(Optimizer)?(V\d+)?$/.test(op);
}

/** A node and what it takes and makes, of a file or of a graph. */
interface AnyNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

interface AnyGraph<Node extends AnyNode> {
  readonly nodes: readonly Node[];
  readonly outputs: readonly string[];
}

interface AnyTensor {
  readonly dtype: Parameters<typeof isFloating>[0];
  readonly shape: readonly number[];
  readonly role: TensorRole;
}

type TensorOf = (name: string) => AnyTensor | undefined;

/**
 * The tensors at which forward ends: what a YieldOp hands over; else the losses and the first output
 * of one element that is made of them; else the first output of one element, or the first output.
 * With gradient operators the first output, if it is one element that none of them leads to; else null:
 * only they tell.
 */
export function forwardEnds<Node extends AnyNode>(
  graph: AnyGraph<Node>,
  tensor: TensorOf,
): readonly string[] | null {
  const yields = graph.nodes.find(({ op }) => op === YIELD);
  if (yields !== undefined) return yields.inputs;
  const losses = graph.nodes.filter(({ op }) => isLoss(op)).flatMap(({ outputs }) => outputs);
  if (losses.length > 0) {
    const made = descendants(graph.nodes, losses.slice(0, 1));
    const total = graph.outputs.find((name) => made.has(name) && isScalar(tensor(name)));
    return total === undefined ? losses : [...losses, total];
  }
  const gradients = graph.nodes.filter(({ op }) => isGradientOp(op));
  if (gradients.length > 0) {
    const behind = descendants(
      graph.nodes,
      gradients.flatMap(({ outputs }) => outputs),
    );
    const first = graph.outputs.slice(0, 1);
    return first.some((name) => isScalar(tensor(name)) && !behind.has(name)) ? first : null;
  }
  const total = graph.outputs.find((name) => isScalar(tensor(name)));
  return total === undefined ? graph.outputs.slice(0, 1) : [total];
}

const YIELD = "com.microsoft::YieldOp";

/** A computed number: scalar gradients of parameters are told by what they are made of. */
function isScalar(tensor: AnyTensor | undefined): boolean {
  return tensor?.role === "activation" && elementCount(tensor.shape) === 1;
}

/**
 * Whether a graph brings its backward: it says so by an operator, or sums over samples in the shapes
 * of at least a quarter of its matrices (of all parameters, where there is no matrix) leave it beside
 * the loss, each made of all data that the loss is made of.
 * @param forward tensors that the loss depends on
 */
export function bringsBackward<Node extends AnyNode>(
  graph: AnyGraph<Node>,
  tensors: ReadonlyMap<string, AnyTensor>,
  forward: ReadonlySet<string>,
): boolean {
  const says = ({ op }: Node) => op === YIELD || isGradientOp(op) || isOptimizer(op);
  if (graph.nodes.some(says)) return true;
  const sums = graph.outputs.filter(
    (name) => !forward.has(name) && tensors.get(name)?.role === "gradient",
  );
  if (sums.length === 0) return false;
  const data = [...tensors].filter(([name, { role }]) => role === "data" && forward.has(name));
  const reached = data.map(([name]) => descendants(graph.nodes, [name]));
  const found = sums.filter((name) => reached.every((names) => names.has(name)));
  const made = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  const stored = [...tensors].filter(([name, { role }]) => role === "parameter" && !made.has(name));
  const shapes = stored.map(([, { shape }]) => shapeKey(shape));
  const matrices = shapes.filter((key) => key.includes(","));
  const left = matrices.length > 0 ? matrices : shapes;
  const total = left.length;
  for (const name of found) {
    const place = left.indexOf(shapeKey(tensors.get(name)?.shape ?? []));
    if (place >= 0) left.splice(place, 1);
  }
  const gradients = total - left.length;
  return gradients > 0 && gradients * 4 >= total;
}

/** A shape up to transposition and axes of one. */
export function shapeKey(shape: readonly number[]): string {
  return shape
    .filter((dim) => dim !== 1)
    .sort((a, b) => a - b)
    .join();
}

/** The nodes by which some tensors are made, and all that these read. */
export function ancestors<Node extends AnyNode>(
  nodes: readonly Node[],
  ends: readonly string[],
): { readonly nodes: ReadonlySet<Node>; readonly tensors: ReadonlySet<string> } {
  const wanted = new Set(ends);
  const found = new Set<Node>();
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => name !== "" && wanted.has(name))) continue;
    found.add(node);
    for (const name of node.inputs) if (name !== "") wanted.add(name);
  }
  // What a node makes beside what the loss reads is forward as well.
  for (const node of found) for (const name of node.outputs) wanted.add(name);
  return { nodes: found, tensors: wanted };
}

function descendants(nodes: readonly AnyNode[], from: readonly string[]): ReadonlySet<string> {
  const made = new Set(from);
  for (const { inputs, outputs } of nodes) {
    if (inputs.some((name) => made.has(name))) for (const name of outputs) made.add(name);
  }
  return made;
}
