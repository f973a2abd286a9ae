import type { TensorGraph } from "../../src/ir/tensor-graph.js";

/** Hands out names of nodes that no node of a graph has: the wanted one, or `name#2`, `name#3`... */
export function freshNames(graph: TensorGraph): (name: string) => string {
  const used = new Set(graph.nodes.map(({ name }) => name));
  return (name) => {
    let fresh = name;
    for (let count = 2; used.has(fresh); count++) fresh = `${name}#${count}`;
    used.add(fresh);
    return fresh;
  };
}
