import { fail } from "../../base/diagnostics/diagnostic.js";
import { shapeNotInferred } from "../../base/diagnostics/graph.js";
import type { Binding } from "../bind.js";
import { definedIn, type NameScope, nameAt, nodeLabel } from "../names.js";
import type { Fact } from "../operators/operator.js";
import type { SourceGraph, SourceNode } from "../source.js";
import type { StatedShapes } from "./stated.js";

/* What an `If` becomes: the nodes of one of its branches, under names of their own. */

/** What taking a branch needs of the inference that it is part of. */
interface Branching {
  readonly scope: NameScope;
  readonly facts: ReadonlyMap<string, Fact>;
  readonly binding: Binding;
  /** Gets to know what a branch states of its tensors. */
  readonly stated: StatedShapes;
  /** Goes on with a node in the place of the `If`. */
  readonly visit: (node: SourceNode) => void;
  /** Goes on with a branch under new names. */
  readonly visitBody: (branch: SourceGraph, names: ReadonlyMap<string, string>) => void;
}

/** Replaces an `If` by the branch that is taken. */
export function takeBranch(node: SourceNode, on: Branching): void {
  const branch = chosenBranch(node, on.facts, on.binding);
  if (branch === null) {
    fail(shapeNotInferred(nodeLabel(node), node.op, nameAt(node.inputs, 0), "a branch is missing"));
  }
  const names = branchNames(node, branch, on.scope);
  const rename = (name: string) => names.get(name) ?? name;
  for (const [name, type] of branch.stated) on.stated.add(rename(name), type);
  on.visitBody(branch, names);
  [...branch.outputs.keys()].forEach((inner, index) => {
    const outer = nameAt(node.outputs, index);
    if (outer === "" || rename(inner) === outer) return;
    const name = on.scope.nodes.fresh(`${nodeLabel(node)}/${outer}`);
    on.visit({
      ...node,
      name,
      op: "Identity",
      inputs: [rename(inner)],
      outputs: [outer],
      subgraphs: {},
    });
  });
}

/** The branch of a known condition, else the first whose outputs have shapes, else "then". */
function chosenBranch(
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
function branchNames(node: SourceNode, branch: SourceGraph, scope: NameScope): Map<string, string> {
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
