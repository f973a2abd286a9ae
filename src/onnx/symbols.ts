import { decodeModel } from "./decode.js";
import { readsOf } from "./names.js";
import { stripPayloads } from "./strip-payloads.js";

/**
 * The symbolic dimensions of a file's inputs, in order of appearance: what `--bind` takes. An axis of
 * which the file says nothing is `<input>.<axis>`. Fails as reading the graph does.
 */
export function symbolsOf(path: string): readonly string[] {
  const { graph } = decodeModel(stripPayloads(path).bytes, path);
  const read = new Set(graph.nodes.flatMap(readsOf));
  const found = new Set<string>();
  for (const [name, { shape }] of graph.inputs) {
    if (shape === null || !read.has(name) || graph.initializers.has(name)) continue;
    for (const [axis, dim] of shape.entries()) {
      if (dim === null) found.add(`${name}.${axis}`);
      if (typeof dim === "string") for (const symbol of termsOf(dim)) found.add(symbol);
    }
  }
  return [...found];
}

/** The symbols of sums and products such as `past_length + 1`. */
function termsOf(expression: string): readonly string[] {
  const parts = expression.split(/[+*]/).map((part) => part.trim());
  return parts.filter((part) => part !== "" && !/^\d+$/.test(part));
}
