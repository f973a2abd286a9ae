import { BufferReader } from "protobufjs/minimal.js";
import { parseJson } from "../../base/json.js";
import { byDefault } from "../../base/need.js";
import { ChakraFault, type ChakraNode, kindOf, MICROSECONDS } from "./chakra-node.js";
import { elementType, shapeOf } from "./operators.js";
import { chakra } from "./proto/generated/chakra.js";

/* Chakra traces in protobuf: messages one after the other, each after its length. */

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
