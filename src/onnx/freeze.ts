import { fail } from "../base/diagnostics/diagnostic.js";
import { nothingFrozen } from "../base/diagnostics/graph.js";
import type { Tensor } from "../ir/tensor-graph.js";
import type { SourceNode } from "./source.js";

/**
 * Marks the parameters that the exporter noted or patterns name, and what is made of these alone, as frozen: they
 * are read but not trained. In a pattern `*` stands for any text, and `!` in front for every name that the rest
 * does not match; one without `*` names whatever contains it. Fails where a pattern names nothing.
 */
export function frozen(
  tensors: ReadonlyMap<string, Tensor>,
  nodes: readonly SourceNode[],
  patterns: readonly string[],
  noted: ReadonlySet<string>,
): ReadonlyMap<string, Tensor> {
  if (patterns.length + noted.size === 0) return tensors;
  const made = new Set(nodes.flatMap(({ outputs }) => outputs));
  const isParameter = (name: string) => tensors.get(name)?.role === "parameter";
  const stored = [...tensors.keys()].filter((name) => isParameter(name) && !made.has(name));
  const found = new Set(stored.filter((name) => noted.has(name)));
  for (const pattern of patterns) {
    const matches = stored.filter(matcher(pattern));
    if (matches.length === 0) fail(nothingFrozen(pattern, stored));
    for (const name of matches) found.add(name);
  }
  for (const { inputs, outputs } of nodes) {
    const parameters = inputs.filter(isParameter);
    const isFrozen = parameters.length > 0 && parameters.every((name) => found.has(name));
    if (isFrozen) for (const name of outputs.filter(isParameter)) found.add(name);
  }
  return new Map(
    [...tensors].map(([name, tensor]) => [
      name,
      found.has(name) ? { ...tensor, frozen: true } : tensor,
    ]),
  );
}

function matcher(pattern: string): (name: string) => boolean {
  if (pattern.startsWith("!")) {
    const matches = matcher(pattern.slice(1));
    return (name) => !matches(name);
  }
  if (!pattern.includes("*")) return (name) => name.includes(pattern);
  const parts = pattern.replaceAll(".*", "*").split("*");
  const escaped = parts.map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const whole = new RegExp(`^${escaped.join(".*")}$`);
  return (name) => whole.test(name);
}
