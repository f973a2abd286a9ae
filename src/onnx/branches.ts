import type { Binding } from "./bind.js";
import { definedIn, type NameScope, nameAt, nodeLabel } from "./names.js";
import type { Fact } from "./operators/operator.js";
import type { SourceGraph, SourceNode } from "./source.js";

/* What an `If` becomes: the nodes of one of its branches, under names of their own. */

/** The branch of a known condition, else the first whose outputs have shapes, else "then". */
export function chosenBranch(
  node: SourceNode,
  facts: ReadonlyMap<string, Fact>,
  binding: Binding,
): SourceGraph | null {
  const { then_branch: yes, else_branch: no } = node.subgraphs;
  if (yes === undefined || no === undefined) return yes ?? no ?? null;
  const condition = facts.get(nameAt(node.inputs, 0))?.value?.[0];
  if (condition !== undefined) return condition ? yes : no;
  const shaped = (graph: SourceGraph) =>
    [...graph.outputs].every(([name, type]) => binding.shapeOf(name, type) !== null);
  return !shaped(yes) && shaped(no) ? no : yes;
}

/** New names of the tensors that a branch defines: the `If`'s outputs, or names under it. */
export function branchNames(
  node: SourceNode,
  branch: SourceGraph,
  scope: NameScope,
): Map<string, string> {
  const names = new Map<string, string>();
  const produced = new Set(branch.nodes.flatMap((inner) => inner.outputs));
  [...branch.outputs.keys()].forEach((inner, index) => {
    const outer = nameAt(node.outputs, index);
    if (outer !== "" && produced.has(inner)) names.set(inner, outer);
  });
  for (const name of definedIn(branch)) {
    if (name === "" || names.has(name)) continue;
    names.set(name, scope.tensors.fresh(`${nodeLabel(node)}/${name}`));
  }
  return names;
}

/** Whether a branch makes a tensor itself. */
export function definesLocally(branch: SourceGraph, name: string): boolean {
  return branch.nodes.some((node) => node.outputs.includes(name));
}
