import { numberOf } from "./operators/call.js";
import type { Fact } from "./operators/operator.js";
import type { SourceGraph } from "./source.js";

/**
 * Stored tensors of which each sample has a part, put in front of what comes with it: the zeros that a
 * recurrence begins with (Mamba-2), folded for a fixed batch. Nobody trains a number of one sample.
 */
export function sampleStates(
  { nodes, initializers }: Pick<SourceGraph, "nodes" | "initializers">,
  facts: ReadonlyMap<string, Fact>,
  microbatch: number,
): ReadonlySet<string> {
  const found = new Set<string>();
  const others = new Set<string>();
  const isOfSamples = (name: string) => {
    const shape = facts.get(name)?.shape ?? [];
    return shape.length > 2 && shape[0] === microbatch;
  };
  for (const node of nodes) {
    const axis = numberOf(node, "axis", 0);
    const comesWithData = ({ inputs }: typeof node) =>
      inputs.some((name) => !initializers.has(name) && isOfSamples(name));
    const joins = node.op === "Concat" && axis !== 0 && comesWithData(node);
    for (const name of node.inputs) {
      if (initializers.has(name)) (joins && isOfSamples(name) ? found : others).add(name);
    }
  }
  for (const name of others) found.delete(name);
  return microbatch > 1 ? found : new Set();
}
