import { elementCount } from "../../ir/tensor-graph.js";
import type { Fact } from "../operators/operator.js";

/** Facts as they are kept of tensors: with no more than is known of them, and equal ones once. */
export class KeptFacts {
  readonly #distinct = new Map<string, Fact>();

  /** What is kept of a result of an operator. */
  of(op: string, fact: Fact): Fact {
    const own = withOwnElements(fact);
    return this.#shared(op === "Constant" ? own : withoutBand(own));
  }

  /** One object for all equal facts without elements: layers repeat, and so do their tensors. */
  #shared(fact: Fact): Fact {
    if (fact.value !== null || fact.band !== undefined) return fact;
    const key = `${fact.dtype} ${fact.shape}`;
    const known = this.#distinct.get(key);
    if (known !== undefined) return known;
    this.#distinct.set(key, fact);
    return fact;
  }
}

/** What is made of a mask shows something else. */
function withoutBand(fact: Fact): Fact {
  if (fact.band === undefined) return fact;
  const { band: _, ...rest } = fact;
  return rest;
}

/** Elements of another shape than the settled one (a changed file states what it likes) are not known. */
function withOwnElements(fact: Fact): Fact {
  if (fact.value === null || fact.value.length === elementCount(fact.shape)) return fact;
  return { ...fact, value: null };
}
