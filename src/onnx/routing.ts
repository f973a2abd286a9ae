import { addTo } from "../base/need.js";
import { elementCount } from "../ir/tensor-graph.js";
import { nameAt } from "./names.js";
import { numberOf } from "./operators/call.js";
import type { Fact } from "./operators/operator.js";
import type { SourceGraph, SourceNode } from "./source.js";

/** What picks one expert's tokens looks through. */
interface Routed {
  readonly experts: number;
  /** Choices of all tokens together: tokens times experts for each. */
  readonly choices: number;
}

/** Operators between a choice of an expert and what counts its tokens. */
const FLAGS: ReadonlySet<string> = new Set([
  "Cast",
  "Identity",
  "Not",
  "Greater",
  "GreaterOrEqual",
  "Less",
  "LessOrEqual",
  "Squeeze",
  "Unsqueeze",
  "Reshape",
  "Flatten",
  "Transpose",
  "ReduceMax",
  "ReduceSum",
]);

/**
 * Which tokens were routed to an expert is found from flags: how many, only the run knows. Training
 * balances experts, so each is taken to get an equal share.
 */
export class Routing {
  readonly #makers: ReadonlyMap<string, SourceNode>;
  readonly #facts: ReadonlyMap<string, Fact>;
  /** How often each tensor is compared with a number: once for each expert. */
  readonly #comparisons = new Map<string, number>();

  constructor({ nodes }: Pick<SourceGraph, "nodes">, facts: ReadonlyMap<string, Fact>) {
    this.#makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node])));
    this.#facts = facts;
    for (const node of nodes) {
      const chosen = node.op === "Equal" ? this.#compared(node) : null;
      if (chosen !== null) addTo(this.#comparisons, chosen, 1);
    }
  }

  /** What flags of one expert's tokens were made of; null where they flag anything else. */
  of(flags: string): Routed | null {
    let name = flags;
    let maker = this.#makers.get(name);
    while (maker !== undefined && FLAGS.has(maker.op)) {
      name = nameAt(maker.inputs, this.#isNumber(nameAt(maker.inputs, 0)) ? 1 : 0);
      maker = this.#makers.get(name);
    }
    const own = this.#facts.get(name);
    if (maker === undefined || own === undefined) return null;
    const experts = this.#expertsOf(maker);
    if (experts === undefined || experts < 2) return null;
    return { experts, choices: elementCount(own.shape) };
  }

  #expertsOf(maker: SourceNode): number | undefined {
    if (maker.op === "Equal") {
      const chosen = this.#compared(maker);
      return chosen === null ? undefined : this.#comparisons.get(chosen);
    }
    // One expert's slice of a one-hot mask.
    if (maker.op !== "Gather" || !this.#isNumber(nameAt(maker.inputs, 1))) return undefined;
    return this.#facts.get(nameAt(maker.inputs, 0))?.shape.at(numberOf(maker, "axis", 0));
  }

  /** The choices that are compared with an expert's number; null where they are not. */
  #compared({ inputs }: SourceNode): string | null {
    const chosen = inputs.find((name) => !this.#isNumber(name));
    return chosen !== undefined && inputs.some((name) => this.#isNumber(name)) ? chosen : null;
  }

  #isNumber(name: string): boolean {
    const maker = this.#makers.get(name);
    const constant = maker?.attributes.value;
    const given = typeof constant === "object" && "value" in constant ? constant.value : null;
    return (this.#facts.get(name)?.value ?? given)?.length === 1;
  }
}
