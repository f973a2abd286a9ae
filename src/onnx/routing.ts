import { nameAt } from "./names.js";
import { numberOf } from "./operators/call.js";
import type { Fact } from "./operators/operator.js";
import type { SourceGraph, SourceNode } from "./source.js";

/**
 * Which tokens were routed to an expert is found by `NonZero`: how many, only the run knows. Training
 * balances experts, so each is taken to get an equal share.
 */
export class Routing {
  readonly #makers: ReadonlyMap<string, SourceNode>;
  readonly #nodes: readonly SourceNode[];
  readonly #facts: ReadonlyMap<string, Fact>;

  constructor({ nodes }: Pick<SourceGraph, "nodes">, facts: ReadonlyMap<string, Fact>) {
    this.#nodes = nodes;
    this.#makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node])));
    this.#facts = facts;
  }

  /** Among how many experts a `NonZero` finds the tokens of one; null where it finds anything else. */
  expertsOf(node: SourceNode): number | null {
    let maker = this.#makers.get(nameAt(node.inputs, 0));
    while (maker?.op === "Cast") maker = this.#makers.get(nameAt(maker.inputs, 0));
    if (maker?.op === "Equal") return this.#compared(maker);
    if (maker?.op !== "Gather" || !this.#isNumber(nameAt(maker.inputs, 1))) return null;
    // One expert's slice of a one-hot mask.
    const axis = numberOf(maker, "axis", 0);
    return atLeastTwo(this.#facts.get(nameAt(maker.inputs, 0))?.shape.at(axis));
  }

  /** The numbers of experts that chosen ones are compared with. */
  #compared(equal: SourceNode): number | null {
    const chosen = equal.inputs.find((name) => !this.#isNumber(name));
    if (chosen === undefined) return null;
    const siblings = this.#nodes.filter(
      ({ op, inputs }) =>
        op === "Equal" && inputs.includes(chosen) && inputs.some((name) => this.#isNumber(name)),
    );
    return atLeastTwo(siblings.length);
  }

  #isNumber(name: string): boolean {
    const maker = this.#makers.get(name);
    const constant = maker?.attributes.value;
    const given = typeof constant === "object" && "value" in constant ? constant.value : null;
    return (this.#facts.get(name)?.value ?? given)?.length === 1;
  }
}

function atLeastTwo(count: number | undefined): number | null {
  return count !== undefined && count > 1 ? count : null;
}
