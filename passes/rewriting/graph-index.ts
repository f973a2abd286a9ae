import {
  type Tensor,
  type TensorGraph,
  type TensorNode,
  tensorOf,
} from "../../src/ir/tensor-graph.js";

/** Who makes and who reads each tensor: what every rewriting pass asks. */
export class GraphIndex {
  readonly graph: TensorGraph;
  readonly #producers = new Map<string, TensorNode>();
  readonly #consumers = new Map<string, TensorNode[]>();
  readonly #outputs: ReadonlySet<string>;

  constructor(graph: TensorGraph) {
    this.graph = graph;
    this.#outputs = new Set(graph.outputs);
    for (const node of graph.nodes) {
      for (const output of node.outputs) if (output !== "") this.#producers.set(output, node);
      for (const input of new Set(node.inputs)) {
        if (input === "") continue;
        const readers = this.#consumers.get(input);
        if (readers === undefined) this.#consumers.set(input, [node]);
        else readers.push(node);
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
    return this.#consumers.get(name) ?? [];
  }

  /** The one reader of a node's first output; undefined if there are more or it leaves the graph. */
  soleConsumer(node: TensorNode, ...ops: readonly string[]): TensorNode | undefined {
    const output = node.outputs[0] ?? "";
    const readers = this.consumers(output);
    const [reader] = readers;
    if (reader === undefined || readers.length > 1 || this.#outputs.has(output)) return undefined;
    return ops.length === 0 || ops.includes(reader.op) ? reader : undefined;
  }

  isGraphOutput(name: string): boolean {
    return this.#outputs.has(name);
  }
}

/** The input of a two-input node that is not `name`. */
export function otherInput(node: TensorNode, name: string): string | undefined {
  return node.inputs[0] === name ? node.inputs[1] : node.inputs[0];
}
