import { fail } from "../base/diagnostics/diagnostic.js";
import { endlessFunction, tooManyNodes } from "../base/diagnostics/graph.js";
import { compositeOf } from "./composites.js";
import {
  mapSubgraphs,
  type NameScope,
  nameAt,
  nodeLabel,
  renameTensors,
  scopeOf,
} from "./names.js";
import { functionKey, type SourceFunction, type SourceGraph, type SourceNode } from "./source.js";

const DEPTH_LIMIT = 64;
/** Nested functions can blow up exponentially; no real graph is near this many nodes and calls. */
export const NODE_LIMIT = 500_000;

type Functions = ReadonlyMap<string, SourceFunction>;

/**
 * Replaces calls of model-local functions, and composite operators, by their bodies, at every depth,
 * and gives every node a unique name. Inlined names are `<call>/<name inside>`. Fails if functions nest without end.
 */
export function inlineFunctions(
  graph: SourceGraph,
  functions: Functions,
  scope: NameScope,
): SourceGraph {
  const inlining: Inlining = { functions, scope, nodes: [], visits: 0 };
  for (const node of graph.nodes) expand(node, inlining, 0);
  return { ...graph, nodes: inlining.nodes };
}

interface Inlining {
  readonly functions: Functions;
  readonly scope: NameScope;
  readonly nodes: SourceNode[];
  visits: number;
}

function expand(node: SourceNode, inlining: Inlining, depth: number): void {
  const { functions, scope, nodes } = inlining;
  inlining.visits += 1;
  if (inlining.visits > NODE_LIMIT) fail(tooManyNodes(NODE_LIMIT));
  const name = scope.nodes.fresh(nodeLabel(node));
  const body = bodyOf(node, functions);
  if (body === undefined) {
    const subgraphs = mapSubgraphs(node, (g) => inBranch(g, functions));
    const same = name === node.name && subgraphs === node.subgraphs;
    nodes.push(same ? node : { ...node, name, subgraphs });
    return;
  }
  if (depth >= DEPTH_LIMIT) fail(endlessFunction(node.op));
  const rename = bodyNames(node, body, name, scope);
  for (const inner of body.nodes) {
    const renamed = renameTensors(withAttributes(inner, node, body), rename);
    expand({ ...renamed, name: `${name}/${nodeLabel(inner)}` }, inlining, depth + 1);
  }
  passThrough(node, body, name, inlining);
}

/** What a call stands for: the file's own function, or the parts of a composite operator. */
function bodyOf(node: SourceNode, functions: Functions): SourceFunction | undefined {
  return functions.get(functionKey(node.op, node.overload)) ?? compositeOf(node);
}

/** A function may hand an input on as an output. */
function passThrough(
  call: SourceNode,
  body: SourceFunction,
  prefix: string,
  { scope, nodes }: Inlining,
): void {
  body.outputs.forEach((output, index) => {
    const source = body.inputs.indexOf(output);
    const outside = nameAt(call.outputs, index);
    if (source < 0 || outside === "") return;
    const inside = nameAt(call.inputs, source);
    const name = scope.nodes.fresh(`${prefix}/${output}`);
    const bare = { op: "Identity", attributes: {}, references: {}, subgraphs: {} };
    nodes.push({ ...call, ...bare, name, inputs: [inside], outputs: [outside] });
  });
}

/** Calls inside a branch stay in the branch; it gets unique names when it is taken. */
function inBranch(graph: SourceGraph, functions: Functions): SourceGraph {
  const called = graph.nodes.some((node) => bodyOf(node, functions) !== undefined);
  const nested = graph.nodes.some((node) => Object.keys(node.subgraphs).length > 0);
  return called || nested ? inlineFunctions(graph, functions, scopeOf(graph)) : graph;
}

/** Inputs and outputs take the caller's names, everything else a new name under the call's. */
function bodyNames(
  call: SourceNode,
  body: SourceFunction,
  prefix: string,
  scope: NameScope,
): (name: string) => string {
  const names = new Map<string, string>();
  body.inputs.forEach((input, index) => {
    names.set(input, nameAt(call.inputs, index));
  });
  body.outputs.forEach((output, index) => {
    const outside = nameAt(call.outputs, index);
    if (outside !== "" && !body.inputs.includes(output)) names.set(output, outside);
  });
  return (name) => {
    const known = names.get(name);
    if (known !== undefined) return known;
    const fresh = scope.tensors.fresh(`${prefix}/${name}`);
    names.set(name, fresh);
    return fresh;
  };
}

/** Attribute references take the call's value, else the function's default, else are absent. */
function withAttributes(node: SourceNode, call: SourceNode, body: SourceFunction): SourceNode {
  const resolved = Object.entries(node.references).flatMap(([name, from]) => {
    const value = Object.hasOwn(call.attributes, from)
      ? call.attributes[from]
      : Object.hasOwn(body.defaults, from)
        ? body.defaults[from]
        : undefined;
    return value === undefined ? [] : [[name, value] as const];
  });
  const subgraphs = mapSubgraphs(node, (graph) => ({
    ...graph,
    nodes: graph.nodes.map((inner) => withAttributes(inner, call, body)),
  }));
  if (resolved.length === 0) return { ...node, subgraphs };
  return {
    ...node,
    attributes: { ...node.attributes, ...Object.fromEntries(resolved) },
    subgraphs,
  };
}
