import { byDefault } from "../base/need.js";
import type { SourceGraph, SourceNode } from "./source.js";

/** Hands out names that were never handed out before. */
class Names {
  #used: Set<string> | null = null;
  readonly #counts = new Map<string, number>();
  readonly #taken: () => Iterable<string>;

  /** `taken` is asked at the first new name: most graphs never need one. */
  constructor(taken: () => Iterable<string>) {
    this.#taken = taken;
  }

  /** `name`, or `name#2`, `name#3`... where it is taken. */
  fresh(name: string): string {
    this.#used ??= new Set(this.#taken());
    if (!this.#used.has(name)) {
      this.#used.add(name);
      return name;
    }
    let candidate = name;
    let count = byDefault(this.#counts.get(name), 1);
    while (this.#used.has(candidate)) {
      count += 1;
      candidate = `${name}#${count}`;
    }
    this.#counts.set(name, count);
    this.#used.add(candidate);
    return candidate;
  }
}

/** The names in use while functions and branches are inlined. */
export interface NameScope {
  readonly nodes: Names;
  readonly tensors: Names;
}

/** A scope that knows every tensor of the graph, so that inlined tensors cannot collide. */
export function scopeOf(graph: SourceGraph): NameScope {
  return { nodes: new Names(() => []), tensors: new Names(() => definedIn(graph)) };
}

/** What a node is called: its name, else its first output, else its operator. */
export function nodeLabel(node: SourceNode): string {
  return node.name || (node.outputs.find((output) => output !== "") ?? node.op);
}

/** The name at a position of a node's inputs or outputs; one that is left out is "", as ONNX has it. */
export function nameAt(names: readonly string[], index: number): string {
  return byDefault(names[index], "");
}

/** Renames tensors of a node and those that its subgraphs take from outside. */
export function renameTensors(node: SourceNode, rename: (name: string) => string): SourceNode {
  const each = (name: string) => (name === "" ? "" : rename(name));
  return {
    ...node,
    inputs: node.inputs.map(each),
    outputs: node.outputs.map(each),
    subgraphs: mapSubgraphs(node, (graph) => renameCaptures(graph, rename)),
  };
}

/** The node's subgraphs, each replaced. */
export function mapSubgraphs(
  node: SourceNode,
  map: (graph: SourceGraph) => SourceGraph,
): Readonly<Record<string, SourceGraph>> {
  const entries = Object.entries(node.subgraphs);
  if (entries.length === 0) return node.subgraphs;
  return Object.fromEntries(entries.map(([key, graph]) => [key, map(graph)]));
}

function renameCaptures(graph: SourceGraph, rename: (name: string) => string): SourceGraph {
  const local = definedIn(graph);
  const capture = (name: string) => (local.has(name) ? name : rename(name));
  return {
    ...graph,
    nodes: graph.nodes.map((node) => renameTensors(node, capture)),
    outputs: new Map([...graph.outputs].map(([name, type]) => [capture(name), type])),
  };
}

/** Names that a subgraph defines itself. */
export function definedIn(graph: SourceGraph): Set<string> {
  const names = new Set([...graph.inputs.keys(), ...graph.initializers.keys()]);
  for (const node of graph.nodes) for (const output of node.outputs) names.add(output);
  return names;
}

/** Tensors a node reads, those captured by its subgraphs included. */
export function readsOf(node: SourceNode): readonly string[] {
  const subgraphs = Object.values(node.subgraphs);
  if (subgraphs.length === 0) return node.inputs;
  const captured = subgraphs.flatMap((graph) => {
    const local = definedIn(graph);
    const reads = [...graph.nodes.flatMap(readsOf), ...graph.outputs.keys()];
    return reads.filter((name) => !local.has(name));
  });
  return [...node.inputs, ...captured];
}
