import type { Report } from "../base/diagnostics/diagnostic.js";
import { takenForOutput } from "../base/diagnostics/graph.js";
import { definedIn, readsOf, renameTensors } from "./names.js";
import type { SourceGraph } from "./source.js";

/** What torch.onnx calls the tensors of a node: `<node>_output_<index>`. */
const OUTPUT = /^(.+)_output_(\d+)$/;

/**
 * The graph with the reads of loops and branches mended: tools that rename a graph's tensors forget
 * those that its subgraphs read from outside. A name that nothing defines but that torch.onnx gives
 * to an output of a node of the graph is taken for that output, with a warning.
 */
export function reconnected(graph: SourceGraph, report: Report): SourceGraph {
  const holders = graph.nodes.filter(({ subgraphs }) => Object.keys(subgraphs).length > 0);
  if (holders.length === 0) return graph;
  const defined = definedIn(graph);
  const lost = new Set(holders.flatMap(readsOf).filter((name) => !defined.has(name)));
  const names = new Map<string, string>();
  for (const name of lost) {
    const [, maker, index] = OUTPUT.exec(name) ?? [];
    const output = graph.nodes.find((node) => node.name === maker)?.outputs[Number(index)];
    if (output !== undefined && output !== "") names.set(name, output);
  }
  const [first] = names;
  if (first === undefined) return graph;
  report(takenForOutput(...first, names.size));
  const rename = (name: string) => names.get(name) ?? name;
  return { ...graph, nodes: graph.nodes.map((node) => renameTensors(node, rename)) };
}
