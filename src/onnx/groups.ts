import type { Report } from "../base/diagnostics/diagnostic.js";
import { unusedGroup } from "../base/diagnostics/graph.js";
import type { Group } from "../ir/groups.js";
import type { TensorGraph } from "../ir/tensor-graph.js";
import { collectiveGroup } from "./operators/collective.js";
import { Told } from "./told.js";

/**
 * Gives the groups of a graph's collectives the names that lowering knows, by what `groups` says
 * each is. Warns about groups that no collective has. Ranks stay the graph's own where it has them.
 */
export function nameGroups(
  graph: TensorGraph,
  groups: ReadonlyMap<string, Group>,
  report: Report,
): TensorGraph {
  if (groups.size === 0) return graph;
  const told = new Told(groups);
  const nodes = graph.nodes.map((node) => {
    const name = collectiveGroup(node);
    const group = name === null ? undefined : told.take(name);
    if (name === null || group === undefined) return node;
    return { ...node, attributes: { ...node.attributes, group } };
  });
  for (const name of told.left()) report(unusedGroup(name));
  return { ...graph, nodes, told: { ...graph.told, group: told.taken() } };
}
