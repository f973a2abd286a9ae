import { at, hotFloat, hotInt } from "../../base/need.js";
import { ChakraFault, type ChakraNode } from "./chakra-node.js";
import { ranksOf } from "./collectives.js";
import { Column, Interned } from "./columns.js";
import { type Called, workOfCall } from "./operators.js";
import { Tally, type Trace } from "./trace.js";

/** More would not fit into memory: about 100 bytes each. */
const MOST_NODES = 8_000_000;

/** What started a node in the end: nothing that is known. */
const NOTHING = -1;
const NOT_YET = -2;

/** Takes a trace node by node; keeps them in columns. */
export class ChakraReader {
  readonly #places = new Map<number, number>();
  readonly #parent = new Column();
  readonly #time_s = new Column();
  /** Of a host operator: its call, and what it calls; of others NaN. */
  readonly #call = new Column();
  readonly #called = new Column();
  readonly #calls = new Interned<Called | null>();
  readonly #tally = new Tally();
  /** Kernels that are no collectives. */
  readonly #kernels = new Column();
  readonly #collectives: ChakraNode[] = [];

  /** Takes a node. Throws a {@link ChakraFault} for too many. */
  add(node: ChakraNode): void {
    const place = this.#time_s.length;
    if (place === MOST_NODES) throw new ChakraFault("over 8 million nodes: trace fewer iterations");
    this.#places.set(node.id, place);
    this.#parent.push(node.parent ?? Number.NaN);
    this.#time_s.push(node.time_s);
    const called = node.on_host ? calledBy(node) : null;
    this.#call.push(node.on_host ? node.call : Number.NaN);
    this.#called.push(node.on_host ? this.#calls.of(JSON.stringify(called), called) : Number.NaN);
    if (node.on_host) return;
    if (node.kind === null) this.#kernels.push(place);
    else this.#collectives.push({ ...node, name: "", inputs: null });
  }

  /** What the trace holds; `ranks` of its collectives, which it does not say itself. */
  trace(ranks: number | null): Trace {
    this.#addOperators();
    for (const node of this.#collectives) this.#addCollective(node, ranks);
    return {
      tally: this.#tally,
      kernels: this.#kernels.length + this.#collectives.length,
      boards: [],
      notes: ["durations in whole microseconds, whatever ran beside"],
    };
  }

  #addCollective({ kind, comm_size, time_s }: ChakraNode, group_ranks: number | null): void {
    if (kind === null || kind === "other collective" || !comm_size || time_s === 0) {
      this.#tally.skip("collective of another kind, or without size or duration");
      return;
    }
    const ranks = ranksOf(kind, group_ranks);
    if (ranks === null) {
      this.#tally.skip("collective: the trace does not say between how many ranks (--ranks)");
      return;
    }
    // The size is that of the input: what one rank brings to an all-gather.
    const size_bytes = kind === "all_gather" ? comm_size * ranks : comm_size;
    this.#tally.collective({ kind, size_bytes, ranks, sms: null }, time_s, null);
  }

  /** Kernels by the call of the operator that started them. */
  #addOperators(): void {
    const starters = this.#starters();
    const calls = new Map<number, { called: Called; time_s: number }>();
    for (let i = 0; i < this.#kernels.length; i++) {
      const kernel = hotFloat(this.#kernels.numbers, i);
      const starter = hotInt(starters, kernel);
      const kernel_s = hotFloat(this.#time_s.numbers, kernel);
      const called =
        starter < 0 ? null : at(this.#calls.values, hotFloat(this.#called.numbers, starter));
      if (called === null || kernel_s === 0) {
        this.#tally.skip("kernel without an operator, its shapes or a duration");
        continue;
      }
      const call = hotFloat(this.#call.numbers, starter);
      const { time_s } = calls.get(call) ?? { time_s: 0 };
      calls.set(call, { called, time_s: time_s + kernel_s });
    }
    for (const { called, time_s } of calls.values()) {
      this.#tally.operator(called.name, called.work, time_s, null);
    }
  }

  /** The host operator at the start of each node's chain, as a place; below 0 where the chain is broken. */
  #starters(): Int32Array {
    const found = new Int32Array(this.#time_s.length).fill(NOT_YET);
    for (let place = 0; place < found.length; place++) {
      const chain: number[] = [];
      let at_place = place;
      while (at_place >= 0 && hotInt(found, at_place) === NOT_YET) {
        // A chain that comes back to here starts nowhere.
        found[at_place] = NOTHING;
        chain.push(at_place);
        if (!Number.isNaN(hotFloat(this.#call.numbers, at_place))) break;
        const parent = hotFloat(this.#parent.numbers, at_place);
        at_place = Number.isNaN(parent) ? NOTHING : (this.#places.get(parent) ?? NOTHING);
      }
      const on_host = at_place >= 0 && !Number.isNaN(hotFloat(this.#call.numbers, at_place));
      const start = on_host ? at_place : at_place >= 0 ? hotInt(found, at_place) : NOTHING;
      for (const passed of chain) found[passed] = start;
    }
    return found;
  }
}

/** What a host operator calls; null where its shapes are missing. */
function calledBy({ name, inputs }: ChakraNode): Called | null {
  // The parts of a call between its launches are named `aten::mm(0)`, `aten::mm(1)`.
  const own = name.replace(/\(\d+\)$/, "");
  return inputs === null ? null : { name: own, work: workOfCall({ ...inputs, name: own }) };
}
