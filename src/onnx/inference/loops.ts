import { type Diagnostic, fail } from "../../base/diagnostics/diagnostic.js";
import { controlFlow, tooManyNodes } from "../../base/diagnostics/graph.js";
import { byDefault } from "../../base/need.js";
import { NODE_LIMIT } from "../inline.js";
import { definedIn, type NameScope, nameAt, nodeLabel } from "../names.js";
import { numberOf, numbersOf } from "../operators/call.js";
import type { Fact } from "../operators/operator.js";
import type { SourceGraph, SourceNode } from "../source.js";
import type { Sequences } from "./sequences.js";
import { simpleNode } from "./simple-node.js";

/* What a `Loop` or `Scan` becomes: its body, as often as it runs, under names of its own. */

/** Turns after which a loop that nothing but its condition ends is taken to run for ever. */
const ENDLESS = 2000;

/** What unrolling needs of the inference that it is part of. */
interface Unrolling {
  readonly scope: NameScope;
  readonly sequences: Sequences;
  readonly factOf: (name: string) => Fact | undefined;
  /** Goes on with a node in the loop's place. */
  readonly visit: (node: SourceNode) => void;
  /** Goes on with a body under new names. */
  readonly visitBody: (body: SourceGraph, names: ReadonlyMap<string, string>) => void;
}

/** Both kinds in one form. */
interface Turns {
  readonly body: SourceGraph;
  /** Tensors that the first results of a turn replace, a Loop's condition before all others. */
  readonly carried: readonly string[];
  /** The inputs of the body in a turn; null: there is no such turn. */
  readonly given: (turn: number, carried: readonly string[]) => readonly string[] | null;
  /** What the node calls the carried tensors after the last turn; "" where it does not. */
  readonly last: readonly string[];
  /** Outputs that join one result of every turn along an axis. */
  readonly stacks: readonly { readonly output: string; readonly axis: number }[];
}

/** Puts the turns of a Loop or Scan in its place; KRS1104 where their number is not known. */
export function unrollLoop(node: SourceNode, on: Unrolling): void {
  const turns = node.op === "Loop" ? loopTurns(node, on) : scanTurns(node, on);
  let carried = turns.carried;
  const rows = turns.stacks.map((): string[] => []);
  for (let turn = 0; ; turn += 1) {
    const given = turns.given(turn, carried);
    if (given === null) break;
    if (turn * turns.body.nodes.length > NODE_LIMIT) fail(tooManyNodes(NODE_LIMIT));
    const results = runTurn(node, turns.body, given, on);
    carried = results.slice(0, carried.length);
    rows.forEach((row, i) => {
      row.push(nameAt(results, carried.length + i));
    });
  }
  turns.last.forEach((output, i) => {
    handOn(node, nameAt(carried, i), output, on);
  });
  turns.stacks.forEach(({ output, axis }, i) => {
    const list = on.scope.tensors.fresh(`${output}/rows`);
    on.sequences.hold(list, rows[i]?.length ? rows[i] : fail(unknownTurns(node)));
    on.visit(simpleNode(node, "ConcatFromSequence", [list], output, { axis, new_axis: 1 }));
  });
}

/** The results of a turn that begins with the given inputs. */
function runTurn(
  node: SourceNode,
  body: SourceGraph,
  given: readonly string[],
  on: Unrolling,
): readonly string[] {
  const names = new Map([...body.inputs.keys()].map((name, i) => [name, nameAt(given, i)]));
  for (const name of definedIn(body)) {
    if (names.has(name)) continue;
    names.set(name, on.scope.tensors.fresh(`${nodeLabel(node)}/${name}`));
  }
  on.visitBody(body, names);
  return [...body.outputs.keys()].map((name) => names.get(name) ?? name);
}

/** Inputs: the most turns, the condition, what is carried. */
function loopTurns(node: SourceNode, on: Unrolling): Turns {
  const [limit, condition] = [nameAt(node.inputs, 0), nameAt(node.inputs, 1)];
  const number = (value: number) => {
    const output = on.scope.tensors.fresh(`${nodeLabel(node)}/turn`);
    on.visit(simpleNode(node, "Constant", [], output, { value_int: value }));
    return output;
  };
  const known = (name: string) => on.factOf(name)?.value?.[0] ?? fail(unknownTurns(node));
  const most = limit === "" ? Number.POSITIVE_INFINITY : known(limit);
  const states = node.inputs.slice(2);
  return {
    body: bodyOf(node),
    carried: [condition === "" ? number(1) : condition, ...states],
    given: (turn, carried) => {
      if (limit === "" && turn === ENDLESS) fail(unknownTurns(node));
      const goesOn = turn < most && known(nameAt(carried, 0)) !== 0;
      return goesOn ? [number(turn), ...carried] : null;
    },
    last: ["", ...states.map((_, i) => nameAt(node.outputs, i))],
    stacks: node.outputs.slice(states.length).map((output) => ({ output, axis: 0 })),
  };
}

/** Inputs: what is carried, then tensors that are read slice by slice. */
function scanTurns(node: SourceNode, on: Unrolling): Turns {
  const sliced = numberOf(node, "num_scan_inputs", 0);
  // Operator set 8 has lengths of sequences first, and a batch around all.
  if (node.opset < 9 || sliced === 0) fail(unknownTurns(node));
  const states = node.inputs.slice(0, -sliced);
  const axes = numbersOf(node, "scan_input_axes") ?? [];
  const lists = node.inputs.slice(-sliced).map((input, i) => {
    const list = on.scope.tensors.fresh(`${nodeLabel(node)}/${input}`);
    on.visit(
      simpleNode(node, "SplitToSequence", [input], list, {
        axis: byDefault(axes[i], 0),
        keepdims: 0,
      }),
    );
    return on.sequences.held(list) ?? fail(unknownTurns(node));
  });
  const outputAxes = numbersOf(node, "scan_output_axes") ?? [];
  return {
    body: bodyOf(node),
    carried: states,
    given: (turn, carried) =>
      lists.every((list) => turn < list.length)
        ? [...carried, ...lists.map((list) => nameAt(list, turn))]
        : null,
    last: states.map((_, i) => nameAt(node.outputs, i)),
    stacks: node.outputs
      .slice(states.length)
      .map((output, i) => ({ output, axis: byDefault(outputAxes[i], 0) })),
  };
}

/** An output of the loop is a tensor, or list, of its last turn. */
function handOn(node: SourceNode, from: string, to: string, on: Unrolling): void {
  if (to === "") return;
  const list = on.sequences.held(from);
  if (list !== undefined) on.sequences.hold(to, list);
  else on.visit(simpleNode(node, "Identity", [from], to, {}));
}

function bodyOf(node: SourceNode): SourceGraph {
  return node.subgraphs.body ?? fail(unknownTurns(node));
}

function unknownTurns(node: SourceNode): Diagnostic {
  return controlFlow(nodeLabel(node), node.op);
}
