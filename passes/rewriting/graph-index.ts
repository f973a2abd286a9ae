import { at, need } from "../../src/base/need.js";
import {
  elementCount,
  type Tensor,
  type TensorGraph,
  type TensorNode,
  tensorOf,
} from "../../src/ir/tensor-graph.js";

/** The readers of a tensor that nobody reads. */
const NOBODY: readonly TensorNode[] = [];

const INDICES = new WeakMap<TensorGraph, GraphIndex>();

/** The index of a graph, made once: most passes find nothing to change, and hand the graph on. */
export function indexOf(graph: TensorGraph): GraphIndex {
  const known = INDICES.get(graph);
  if (known !== undefined) return known;
  const index = new GraphIndex(graph);
  INDICES.set(graph, index);
  return index;
}

/** Who makes and who reads each tensor: what every rewriting pass asks. */
export class GraphIndex {
  readonly graph: TensorGraph;
  readonly #producers = new Map<string, TensorNode>();
  readonly #consumers = new Map<string, TensorNode[]>();
  readonly #outputs: ReadonlySet<string>;
  /** Made when it is first asked. */
  #places: ReadonlyMap<TensorNode, number> | null = null;

  constructor(graph: TensorGraph) {
    this.graph = graph;
    this.#outputs = new Set(graph.outputs);
    for (const node of graph.nodes) {
      for (const output of node.outputs) if (output !== "") this.#producers.set(output, node);
      for (const input of node.inputs) {
        if (input === "") continue;
        const readers = this.#consumers.get(input);
        if (readers === undefined) this.#consumers.set(input, [node]);
        // A node that reads a tensor twice is one reader.
        else if (readers[readers.length - 1] !== node) readers.push(node);
      }
    }
  }

  tensor(name: string): Tensor {
    return tensorOf(this.graph, name);
  }

  /** The node that makes a tensor; undefined for graph inputs and initializers. */
  producer(name: string | undefined): TensorNode | undefined {
    return name === undefined ? undefined : this.#producers.get(name);
  }

  /** The producer, if it is one of these operators. */
  producerOf(name: string | undefined, ...ops: readonly string[]): TensorNode | undefined {
    const node = this.producer(name);
    return node !== undefined && ops.includes(node.op) ? node : undefined;
  }

  consumers(name: string): readonly TensorNode[] {
    return this.#consumers.get(name) ?? NOBODY;
  }

  /** The one reader of a node's first output; undefined if there are more or it leaves the graph. */
  soleConsumer(node: TensorNode, ...ops: readonly string[]): TensorNode | undefined {
    const output = at(node.outputs, 0);
    const readers = this.consumers(output);
    const [reader] = readers;
    if (reader === undefined || readers.length > 1 || this.#outputs.has(output)) return undefined;
    return ops.length === 0 || ops.includes(reader.op) ? reader : undefined;
  }

  /**
   * The one reader of a node's first output in the node's own direction: what a forward pattern goes
   * on with, whatever the backward half saves of it.
   */
  successor(node: TensorNode, ...ops: readonly string[]): TensorNode | undefined {
    const output = at(node.outputs, 0);
    const readers = this.consumers(output).filter((each) => each.direction === node.direction);
    const [reader] = readers;
    if (reader === undefined || readers.length > 1 || this.#outputs.has(output)) return undefined;
    return ops.length === 0 || ops.includes(reader.op) ? reader : undefined;
  }

  isGraphOutput(name: string): boolean {
    return this.#outputs.has(name);
  }

  /** Whether only these nodes read what a node makes. */
  isReadOnlyBy(node: TensorNode, readers: ReadonlySet<TensorNode>): boolean {
    return node.outputs.every(
      (output) =>
        !this.#outputs.has(output) && this.consumers(output).every((each) => readers.has(each)),
    );
  }

  /**
   * Whether the last of these nodes is the only one whose results others read in its direction; the
   * backward half may have saved more.
   * @param inside what else may read results
   */
  isClosed(
    nodes: readonly TensorNode[],
    inside: ReadonlySet<TensorNode> = new Set(nodes),
  ): boolean {
    return nodes
      .slice(0, -1)
      .every(({ outputs, direction }) =>
        outputs.every(
          (output) =>
            !this.#outputs.has(output) &&
            this.consumers(output).every((r) => inside.has(r) || r.direction !== direction),
        ),
      );
  }

  /** The last in the graph's order of the nodes that make some tensors. */
  latest(names: readonly string[]): TensorNode | undefined {
    const makers = names.map((name) => this.producer(name)).filter((node) => node !== undefined);
    return this.inOrder(makers).at(-1);
  }

  /** The nodes in the graph's order, each once. */
  inOrder(nodes: readonly TensorNode[]): TensorNode[] {
    if (nodes.length < 2) return [...nodes];
    this.#places ??= new Map(this.graph.nodes.map((node, place) => [node, place]));
    const places = this.#places;
    const place = (node: TensorNode) => need(places, node);
    return [...new Set(nodes)].sort((a, b) => place(a) - place(b));
  }
}

/** The input of a two-input node that is not `name`. */
export function otherInput(node: TensorNode, name: string): string | undefined {
  return node.inputs[0] === name ? node.inputs[1] : node.inputs[0];
}

/** Whether a tensor has a single element. */
export function isNumber(index: GraphIndex, name: string): boolean {
  return elementCount(index.tensor(name).shape) === 1;
}

/** Whether a tensor is a constant of a single element. */
export function isScalar(index: GraphIndex, name: string): boolean {
  return index.tensor(name).role === "constant" && isNumber(index, name);
}
