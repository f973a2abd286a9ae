import { byDefault } from "../../base/need.js";
import { isFloating } from "../../ir/tensor-graph.js";
import { nameAt } from "../names.js";
import { numberOf } from "../operators/call.js";
import type { Fact } from "../operators/operator.js";
import type { SourceGraph, SourceNode } from "../source.js";

/** What makes flags and places of numbers: no gradient comes through it. */
const FLAGS = /^(Cast|Equal|Greater|GreaterOrEqual|Less|LessOrEqual|IsNaN|IsInf)$/;

/** What rows are put into or added to: zeros. */
const SCATTERS = /^Scatter(ND|Elements)?$/;

/** Inputs that are no operands: the numbers that stand for no and yes, factors of sizes, steps of quantized numbers. */
const SETTINGS: ReadonlyMap<string, readonly number[]> = new Map([
  ["OneHot", [1, 2]],
  ["QuantizeLinear", [1, 2]],
  ["DequantizeLinear", [1, 2]],
  ["Resize", [1, 2]],
  ["Upsample", [1]],
]);

/**
 * Stored tensors that nobody trains, by what reads them: those of which each sample has a part, put in front
 * of what comes with it (the zeros that a recurrence begins with, folded for a fixed batch), and those that
 * are only asked whether they are something (masks) or what their sines are, those that rows are added to, and
 * what tells an operator how to do its work. With each, whether it is a guess: what is not the same number
 * throughout may be a learned token that the exporter repeated.
 */
export function untrained(
  { nodes, initializers }: Pick<SourceGraph, "nodes" | "initializers">,
  facts: ReadonlyMap<string, Fact>,
  microbatch: number,
): ReadonlyMap<string, boolean> {
  const found = new Map<string, boolean>();
  const others = new Set<string>();
  const isOfSamples = (name: string) => {
    const shape = facts.get(name)?.shape ?? [];
    return microbatch > 1 && shape.length > 2 && shape[0] === microbatch;
  };
  const joins = (node: SourceNode) =>
    node.op === "Concat" &&
    numberOf(node, "axis", 0) !== 0 &&
    node.inputs.some((name) => !initializers.has(name) && isOfSamples(name));
  const asked = new Set<string>();
  const asks = ({ op, outputs }: SourceNode) => {
    const result = nameAt(outputs, 0);
    const made = facts.get(result);
    if (op === "Trilu") return asked.has(result);
    // Angles of places, as an export folds them.
    if (op === "Sin" || op === "Cos") return true;
    return FLAGS.test(op) && made !== undefined && !isFloating(made.dtype);
  };
  for (const node of nodes.toReversed()) if (asks(node)) asked.add(nameAt(node.inputs, 0));
  for (const node of nodes) {
    const stored = node.inputs.filter((name) => initializers.has(name));
    if (stored.length === 0) continue;
    const [isAsked, isJoined] = [asks(node), joins(node)];
    const [base = ""] = node.inputs;
    const settings = byDefault(SETTINGS.get(node.op), []).map((input) => node.inputs[input]);
    for (const name of stored) {
      const isBase = name === base && SCATTERS.test(node.op);
      const isSure = isAsked || isBase || settings.includes(name);
      if (!isSure && !(isJoined && isOfSamples(name))) others.add(name);
      else found.set(name, !isSure && !isSame(facts.get(name)?.value));
    }
  }
  for (const name of others) found.delete(name);
  return found;
}

function isSame(elements: Fact["value"] | undefined): boolean {
  return elements?.every((element) => element === elements[0]) === true;
}
