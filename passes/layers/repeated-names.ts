import { at } from "../../src/base/need.js";
import type { Kernel } from "../../src/ir/kernel-graph.js";
import type { FoldedGraph } from "./fold-layers.js";

/** Names of kernels, tensors and nodes, and what they are called in other stretches. */
export class RepeatedNames {
  readonly #folded: FoldedGraph;
  /** What a name names: a node, or one of its inputs or outputs, by its place in the folded graph. */
  readonly #places = new Map<string, readonly [number, "name" | "inputs" | "outputs", number]>();
  readonly #known = new Map<string, readonly [string, string] | null>();

  constructor(folded: FoldedGraph) {
    this.#folded = folded;
    const made = new Set(folded.graph.nodes.flatMap(({ outputs }) => outputs));
    for (const [place, { name, inputs, outputs }] of folded.graph.nodes.entries()) {
      inputs.forEach((input, k) => {
        if (!made.has(input) && !this.#places.has(input)) {
          this.#places.set(input, [place, "inputs", k]);
        }
      });
      for (const [k, output] of outputs.entries()) this.#places.set(output, [place, "outputs", k]);
      this.#places.set(name, [place, "name", 0]);
    }
    this.#places.delete("");
  }

  /** The layer of the first forward kernel with a node at or behind a place of the folded graph. */
  layersAt(kernels: readonly Kernel[], place: number): number | null {
    const { period } = this.#folded;
    let least: readonly [number, number] | null = null;
    for (const { nodes, layer, direction } of kernels) {
      if (direction !== "forward" || layer === null) continue;
      for (const name of nodes) {
        const found = this.#places.get(name)?.[0];
        const counts = found !== undefined && found >= place && found < place + period;
        if (counts && (least === null || found < least[0])) least = [found, layer];
      }
    }
    return least === null ? null : least[1];
  }

  /** All that a name of the folded graph stands for: itself and, beside the gap, what was left out. */
  all(name: string): readonly string[] {
    const { gap, period, dropped } = this.#folded;
    const place = this.#places.get(at(this.#split(name) ?? [name], 0))?.[0];
    if (place === undefined || place < gap - period || place >= gap) return [name];
    return Array.from({ length: dropped + 1 }, (_, copy) => this.shifted(name, copy));
  }

  /** What a name is called some stretches on; itself where every stretch shares it. */
  shifted(name: string, stretches: number): string {
    return this.series(name)(stretches);
  }

  /** {@link shifted} for one name, looked up once. */
  series(name: string): (stretches: number) => string {
    const found = this.#found(name);
    if (found === null) return () => name;
    const { whole, period } = this.#folded;
    const { place, kind, k, suffix } = found;
    return (stretches) => {
      const node = at(whole.nodes, place + stretches * period);
      return (kind === "name" ? node.name : at(node[kind], k)) + suffix;
    };
  }

  /** What a name of the folded graph is called behind all stretches that were left out. */
  own(name: string): string {
    const { gap, dropped } = this.#folded;
    const found = this.#found(name);
    return found !== null && found.place < gap ? this.shifted(name, dropped) : name;
  }

  /** What a name names; null for a tensor that is read first far from the gap: all stretches share it. */
  #found(name: string) {
    const [stem, suffix] = this.#split(name) ?? [name, ""];
    const found = this.#places.get(stem);
    if (found === undefined) return null;
    const [place, kind, k] = found;
    const { gap, period } = this.#folded;
    if (place < gap - 3 * period || place >= gap + period) return null;
    return { place, kind, k, suffix };
  }

  /** The longest beginning of a name that names something, and what passes put behind it. */
  #split(name: string): readonly [string, string] | null {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    let end = name.length;
    while (end > 0 && !this.#places.has(name.slice(0, end))) {
      end = Math.max(name.lastIndexOf("/", end - 1), name.lastIndexOf("#", end - 1));
    }
    const found = end > 0 ? ([name.slice(0, end), name.slice(end)] as const) : null;
    this.#known.set(name, found);
    return found;
  }
}
