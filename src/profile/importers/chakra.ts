import { BufferReader } from "protobufjs/minimal.js";
import { z } from "zod";
import { parseJson } from "../../base/json.js";
import { at, byDefault, hotFloat, hotInt } from "../../base/need.js";
import { type CollectiveOp, ranksOf } from "./collectives.js";
import { Column, Interned } from "./columns.js";
import { type Called, elementType, type OperatorCall, shapeOf, workOfCall } from "./operators.js";
import { chakra } from "./proto/generated/chakra.js";
import { Tally, type Trace } from "./trace.js";

/*
 * MLCommons Chakra execution traces: nodes of host operators and of the kernels that they started.
 * A kernel's control dependency is what started it: a host operator, or the kernel before it of the
 * same call. Durations are whole microseconds; nothing says what ran at the same time.
 */

const MICROSECONDS = 1e6;

/** A node as far as it is read, whichever encoding it came in. */
interface ChakraNode {
  readonly id: number;
  readonly name: string;
  /** What started it. */
  readonly parent: number | null;
  readonly time_s: number;
  readonly on_host: boolean;
  readonly kind: CollectiveOp | "other collective" | null;
  /** As the trace counts it; null where it does not. */
  readonly comm_size: number | null;
  /** Calls of one operator share it. */
  readonly call: number;
  readonly inputs: Omit<OperatorCall, "name"> | null;
}

const SEND = 5;
const RECV = 6;
const COLLECTIVE = 7;
const COLLECTIVES: Readonly<Record<number, CollectiveOp>> = {
  0: "all_reduce",
  2: "all_gather",
  5: "broadcast",
  6: "all_to_all",
  7: "reduce_scatter",
};

function kindOf(type: number, comm_type: number | undefined): ChakraNode["kind"] {
  if (type === SEND) return "send";
  if (type === RECV) return "recv";
  if (type !== COLLECTIVE) return null;
  return COLLECTIVES[comm_type ?? -1] ?? "other collective";
}

type Wire = number | { toNumber(): number } | null | undefined;
const toNumber = (value: Wire): number =>
  typeof value === "object" ? byDefault(value?.toNumber(), 0) : byDefault(value, 0);

/** The literal lists of Python that PyTorch's observer writes, as data; empty where they are not. */
function pythonList(text: string | null | undefined): unknown[] {
  const list = parseJson(
    byDefault(text, "")
      .replaceAll("'", '"')
      .replace(/\b(True|False|None)\b/g, (word) => (word === "None" ? "null" : word.toLowerCase())),
  );
  return Array.isArray(list) ? list : [];
}

function inputsOf(inputs: chakra.IOInfo.$Properties): ChakraNode["inputs"] {
  return {
    shapes: pythonList(inputs.shapes).map(shapeOf),
    types: pythonList(inputs.types).map((type) => elementType(String(type))),
    values: pythonList(inputs.values),
  };
}

function decodeNode(node: chakra.Node.$Properties): ChakraNode {
  const attributes = new Map((node.attr ?? []).map((a) => [byDefault(a.name, ""), a]));
  const integer = (name: string): number | undefined => {
    const found = attributes.get(name);
    if (found === undefined) return undefined;
    const { int64Val, uint64Val, int32Val, uint32Val } = found;
    return [int64Val, uint64Val, int32Val, uint32Val]
      .map(toNumber)
      .reduce((known, n) => known || n);
  };
  const [parent] = node.ctrlDeps ?? [];
  const id = toNumber(node.id);
  return {
    id,
    name: byDefault(node.name, ""),
    parent: parent === undefined ? null : toNumber(parent),
    time_s: toNumber(node.durationMicros) / MICROSECONDS,
    on_host: attributes.get("is_cpu_op")?.boolVal ?? integer("is_cpu_op") === 1,
    kind: kindOf(byDefault(node.type, 0), integer("comm_type")),
    comm_size: integer("comm_size") ?? null,
    call: integer("rf_id") ?? id,
    inputs: node.inputs ? inputsOf(node.inputs) : null,
  };
}

/** One message of a trace, in bytes. */
const LARGEST_MESSAGE_BYTES = 16 * 2 ** 20;

/** Why bytes are no Chakra trace, with the place. */
export class ChakraFault extends Error {}

/** Takes the bytes of a protobuf trace in parts: a header, then nodes, each after its length. */
export class ChakraMessages {
  readonly #node: (node: ChakraNode) => void;
  #rest: Uint8Array = new Uint8Array();
  #begin_byte = 0;
  #messages = 0;

  constructor(node: (node: ChakraNode) => void) {
    this.#node = node;
  }

  /** How many messages were whole, the header among them. */
  get messages(): number {
    return this.#messages;
  }

  /** Reads the next part. Throws a {@link ChakraFault}. */
  write(bytes: Uint8Array): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const reader = new BufferReader(all);
    let begin = 0;
    try {
      while (holdsVarint(all, begin)) {
        const length = reader.uint32();
        if (length > LARGEST_MESSAGE_BYTES) throw new ChakraFault("a message above 16 MiB");
        if (length > reader.len - reader.pos) break;
        if (this.#messages === 0) chakra.GlobalMetadata.decode(reader, length);
        else this.#node(decodeNode(chakra.Node.decode(reader, length)));
        this.#messages++;
        begin = reader.pos;
      }
    } catch (reason) {
      const what = reason instanceof ChakraFault ? reason.message : "damaged";
      throw new ChakraFault(
        `${what} (message ${this.#messages}, from byte ${this.#begin_byte + begin} on)`,
      );
    }
    this.#rest = all.subarray(begin);
    this.#begin_byte += begin;
  }

  /** Ends the trace. Throws a {@link ChakraFault} if its last node is not whole, or it has none. */
  end(): void {
    if (this.#rest.length === 0 && this.#messages > 1) return;
    throw new ChakraFault(
      `it ends within message ${this.#messages}, from byte ${this.#begin_byte} on`,
    );
  }
}

/** Whether a varint ends within the bytes. */
function holdsVarint(bytes: Uint8Array, from: number): boolean {
  return bytes.subarray(from, from + 10).some((byte) => byte < 0x80);
}

/** Whether a file that begins so is a Chakra trace, as far as that can be told from its first messages. */
export function isChakra(head: Uint8Array): boolean {
  const messages = new ChakraMessages(() => undefined);
  try {
    messages.write(head);
  } catch {
    return messages.messages > 2;
  }
  return messages.messages > 1;
}

const jsonNode = z.object({
  Id: z.int(),
  Name: z.string(),
  NodeType: z.int(),
  ctrlDeps: z.array(z.int()).optional(),
  runtime: z.number().nonnegative().optional(),
  is_cpu_op: z.boolean().optional(),
  comm_type: z.int().optional(),
  comm_size: z.int().optional(),
});

/** A node of a trace in JSON, which holds no shapes; null if the item is none. */
export function parseChakraNode(item: unknown): ChakraNode | null {
  const { success, data: node } = jsonNode.safeParse(item);
  if (!success) return null;
  return {
    id: node.Id,
    name: node.Name,
    parent: node.ctrlDeps?.[0] ?? null,
    time_s: byDefault(node.runtime, 0) / MICROSECONDS,
    on_host: node.is_cpu_op ?? false,
    kind: kindOf(node.NodeType, node.comm_type),
    comm_size: node.comm_size ?? null,
    call: node.Id,
    inputs: null,
  };
}

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
