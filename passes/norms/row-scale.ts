import { at } from "../../src/base/need.js";
import { elementCount, type TensorNode } from "../../src/ir/tensor-graph.js";
import { followAxis, shapedNode } from "../../src/onnx/operators/knowledge.js";
import { type GraphIndex, isScalar, otherInput } from "../rewriting/graph-index.js";

/** A tensor whose rows are each scaled by what the squares of their own elements give. */
interface RowScale {
  readonly x: string;
  /** Whether the mean of each row is subtracted first. */
  readonly centred: boolean;
  /** A weight that is multiplied in on the way. */
  readonly parameter: string | null;
  /** In the graph's order, the scaling last. */
  readonly nodes: readonly TensorNode[];
}

/** More nodes than a variance takes in any spelling. */
const MOST_NODES = 24;

/** What is done with one number for each row. */
const ON_ROWS: ReadonlySet<string> = new Set([
  ...["Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Reciprocal", "Max", "Clip"],
  ...["Reshape", "Squeeze", "Unsqueeze", "Expand"],
]);
/** What makes one number of a row, and whether it squares the row's elements. */
const OF_ROWS: ReadonlyMap<string, boolean> = new Map([
  ["ReduceMean", false],
  ["ReduceSum", false],
  ["ReduceSumSquare", true],
  ["ReduceL2", true],
  ["Einsum", true],
]);
/** Operators whose other inputs are sizes and axes. */
const ONE_OPERAND = /^(Reduce|Reshape|Squeeze|Unsqueeze|Expand)/;

/**
 * The rows that a product or quotient scales, however their scale is written: by a root or its inverse, by
 * their length, by either formula of the variance, with a weight on either factor; null if it is
 * anything else.
 */
export function rowScaleAt(index: GraphIndex, node: TensorNode): RowScale | null {
  const { op, inputs, direction } = node;
  if ((op !== "Mul" && op !== "Div") || direction !== "forward") return null;
  const [left, right] = inputs;
  if (!left || !right) return null;
  const orders =
    op === "Mul"
      ? ([
          [left, right],
          [right, left],
        ] as const)
      : ([[left, right]] as const);
  for (const [rows, factor] of orders) {
    const plain = scaleOf(index, rows, factor);
    if (plain !== null) return { ...plain, parameter: null, nodes: [...plain.nodes, node] };
    for (const weighted of [weightedAt(index, rows), op === "Mul" && weightedAt(index, factor)]) {
      if (!weighted) continue;
      const { from, to, parameter } = weighted;
      const found = scaleOf(index, rows === to ? from : rows, factor === to ? from : factor);
      if (found !== null)
        return { ...found, parameter, nodes: [...found.nodes, weighted.node, node] };
    }
  }
  return null;
}

/** A product with a parameter: what is multiplied, and what it makes. */
function weightedAt(index: GraphIndex, to: string) {
  const node = index.producerOf(to, "Mul");
  const parameter = node?.inputs.find(
    (name) => index.graph.tensors.get(name)?.role === "parameter",
  );
  const from = node && parameter !== undefined ? otherInput(node, parameter) : undefined;
  return node === undefined || parameter === undefined || !from
    ? null
    : { from, to, parameter, node };
}

/** How a factor follows from the squares of the rows that it scales; null if it does not. */
function scaleOf(
  index: GraphIndex,
  rows: string,
  factor: string,
): Omit<RowScale, "parameter"> | null {
  const lengthOf = (name: string) => at([1, ...index.tensor(name).shape], -1);
  const isEach = lengthOf(factor) === 1 || index.producerOf(factor, "Expand") !== undefined;
  if (!isEach || lengthOf(rows) === 1) return null;
  const centre = centreOf(index, rows);
  const x = centre?.x ?? rows;
  const scale = madeOf(index, factor, new Set([rows, x]));
  if (scale === null || !scale.squares) return null;
  const nodes = index.inOrder([...(centre?.nodes ?? []), ...scale.nodes]);
  return { x, centred: centre !== null, nodes };
}

/** The tensor whose rows had their means subtracted. */
function centreOf(index: GraphIndex, rows: string) {
  const subtract = index.producerOf(rows, "Sub");
  const [x, mean] = subtract?.inputs ?? [];
  if (!subtract || !x || !mean) return null;
  const found = madeOf(index, mean, new Set([x]));
  if (found === null || found.squares || found.nodes.length === 0) return null;
  return { x, nodes: [...found.nodes, subtract] };
}

/** The nodes that make one number for each row of some tensors, of these tensors and constants alone. */
function madeOf(index: GraphIndex, name: string, sources: ReadonlySet<string>) {
  const nodes = new Set<TensorNode>();
  let squares = false;
  const open = [name];
  for (let each = open.pop(); each !== undefined; each = open.pop()) {
    if (each === "" || sources.has(each) || isScalar(index, each)) continue;
    const node = index.producer(each);
    if (node === undefined || nodes.size === MOST_NODES) return null;
    const step = stepAt(index, node, at([...sources], 0));
    if (step === null) return null;
    squares ||= step === "square";
    nodes.add(node);
    open.push(...(ONE_OPERAND.test(node.op) ? node.inputs.slice(0, 1) : node.inputs));
  }
  return { nodes: [...nodes], squares };
}

/** Whether a node squares elements, or works on rows in some other way that a norm does; null: in none. */
function stepAt(index: GraphIndex, node: TensorNode, source: string): "square" | "other" | null {
  const { op, inputs } = node;
  const squaresIt = OF_ROWS.get(op);
  if (squaresIt !== undefined) {
    if (op === "Einsum" && inputs[0] !== inputs[1]) return null;
    if (!isOfRows(index, node)) return null;
    return squaresIt ? "square" : "other";
  }
  const { shape } = index.tensor(source);
  const made = elementCount(index.tensor(at(node.outputs, 0)).shape);
  if (made * at([1, ...shape], -1) === elementCount(shape)) return ON_ROWS.has(op) ? "other" : null;
  if (op === "Pow" || (op === "Mul" && inputs[0] === inputs[1])) return "square";
  return op === "Sub" || op === "Expand" ? "other" : null;
}

/** Whether the last axis alone is reduced. */
function isOfRows(index: GraphIndex, node: TensorNode): boolean {
  const shaped = shapedNode(index.graph, node);
  const shape = shaped.inputs[0]?.shape ?? [];
  return shape.every((size, axis) => {
    const isKept = typeof followAxis(shaped, 0, axis)[0] === "number";
    return size === 1 || isKept === axis < shape.length - 1;
  });
}
