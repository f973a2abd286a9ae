import { fail } from "../base/diagnostics/diagnostic.js";
import { malformedModel, notAProtobuf } from "../base/diagnostics/graph.js";
import { BandReader } from "./bands.js";
import { ChunkedFile } from "./chunked-file.js";
import { numbersOf } from "./noted-bands.js";
import { onnx } from "./proto/generated/onnx.js";
import { many, toNumber } from "./wire.js";

/** Tensor payloads above this size are not kept, as weights are not; below, they may steer shapes. */
const PAYLOAD_LIMIT_BYTES = 4096;
const DEPTH_LIMIT = 90;

/** A model without its weights. */
interface StrippedModel {
  /**
   * A valid ModelProto: the file's fields in order, large tensor payloads left out. What they show as
   * masks is kept in their place (`seen_band`).
   */
  readonly bytes: Uint8Array;
  /** SHA-256 of the file's bytes, lower-case hexadecimal. */
  readonly sha256: string;
}

type MessageName =
  | "model"
  | "graph"
  | "node"
  | "attribute"
  | "tensor"
  | "sparse"
  | "function"
  | "training";

/** Field numbers that lead to tensors, by message. */
const NESTED: Readonly<Record<MessageName, Readonly<Record<number, MessageName>>>> = {
  model: { 7: "graph", 20: "training", 25: "function" },
  training: { 1: "graph", 2: "graph" },
  graph: { 1: "node", 5: "tensor", 15: "sparse" },
  function: { 7: "node", 11: "attribute" },
  node: { 5: "attribute" },
  attribute: { 5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse" },
  sparse: { 1: "tensor", 2: "tensor" },
  tensor: {},
};

/** float, int32, string, int64, raw, double and uint64 data of a tensor. */
const PAYLOAD_FIELDS: ReadonlySet<number> = new Set([4, 5, 6, 7, 9, 10, 11]);

/** TensorProto's seen_band, which is ours. */
const SEEN_BAND: FieldTag = { number: 100, wireType: 2 };

/** How the elements of a packed field lie: as many bytes as the type has, as varints, or in so many bytes. */
const LAYOUTS: Readonly<Record<number, "as typed" | "varints" | 4 | 8>> = {
  ...{ 4: 4, 5: "varints", 7: "varints", 9: "as typed", 10: 8, 11: "varints" },
};

/** Wire types of ModelProto's fields: what tells a model from other bytes. */
const MODEL_WIRE_TYPES: Readonly<Record<number, number>> = {
  1: 0,
  2: 2,
  3: 2,
  4: 2,
  5: 0,
  6: 2,
  7: 2,
  8: 2,
  14: 2,
  20: 2,
  25: 2,
  26: 2,
};

/**
 * Reads a model file (`-` is stdin) once, in chunks, and returns it without large tensor payloads.
 * Fails with a diagnostic if the file cannot be read, is not an ONNX protobuf, or ends too early.
 */
export function stripPayloads(path: string): StrippedModel {
  const file = new ChunkedFile(path);
  try {
    const output = new Output();
    stripModel(file, output);
    return { bytes: output.bytes(), sha256: file.sha256() };
  } finally {
    file.close();
  }
}

function stripModel(file: ChunkedFile, output: Output): void {
  let fields = 0;
  while (!file.atEnd()) {
    const field = readTag(file, fields === 0);
    const expected = MODEL_WIRE_TYPES[field.number];
    if (expected === undefined ? fields === 0 : expected !== field.wireType) {
      fail(notAProtobuf(file.path, "its first bytes are not those of a ModelProto"));
    }
    copyField(file, output, "model", field, Number.POSITIVE_INFINITY, 0);
    fields += 1;
  }
  if (fields === 0) fail(notAProtobuf(file.path, "the file is empty"));
}

interface FieldTag {
  readonly number: number;
  readonly wireType: number;
}

function readTag(file: ChunkedFile, first: boolean): FieldTag {
  const tag = file.varint();
  const field = { number: Math.floor(tag / 8), wireType: tag % 8 };
  if (field.number >= 1 && field.number < 2 ** 29 && [0, 1, 2, 5].includes(field.wireType)) {
    return field;
  }
  const reason = `field tag ${tag} at byte ${file.position} has no meaning`;
  return fail(first ? notAProtobuf(file.path, reason) : malformedModel(file.path, reason));
}

/** Copies one field, or drops it where it is a large payload; `end` is its message's last byte. */
function copyField(
  file: ChunkedFile,
  output: Output,
  message: MessageName,
  field: FieldTag,
  end: number,
  depth: number,
): void {
  const payload = message === "tensor" && PAYLOAD_FIELDS.has(field.number);
  if (field.wireType !== 2) {
    const scalar =
      field.wireType === 0 ? file.rawVarint() : file.take(field.wireType === 1 ? 8 : 4);
    // A tensor is only entered when it is large: scalars are then elements of unpacked data.
    if (!payload) output.field(field, scalar);
    return;
  }
  const length = file.varint();
  if (file.position + length > end) {
    fail(malformedModel(file.path, `a field at byte ${file.position} is longer than its message`));
  }
  if (payload && (length > PAYLOAD_LIMIT_BYTES || field.number === 6)) {
    passPayload(file, output, field, length);
    return;
  }
  const nested = NESTED[message][field.number];
  if (nested === undefined || length <= PAYLOAD_LIMIT_BYTES) {
    const isOurs = message === "tensor" && field.number === SEEN_BAND.number;
    const content = file.take(length);
    if (!isOurs) output.field(field, content);
    return;
  }
  if (depth >= DEPTH_LIMIT) fail(malformedModel(file.path, "messages nest without end"));
  const inside = new Output();
  const insideEnd = file.position + length;
  while (file.position < insideEnd) {
    copyField(file, inside, nested, readTag(file, false), insideEnd, depth + 1);
  }
  if (file.position > insideEnd) {
    fail(malformedModel(file.path, `a message ends inside a field at byte ${file.position}`));
  }
  output.message(field, inside);
}

/** Passes a payload by; what it shows as a mask goes where it would have gone. */
function passPayload(file: ChunkedFile, output: Output, field: FieldTag, length: number): void {
  const tensor = tensorOf(output);
  const layout = LAYOUTS[field.number];
  const reader =
    layout === undefined || tensor === null
      ? null
      : BandReader.of(many(tensor.dims).map(toNumber), toNumber(tensor.dataType));
  file.pass(length, (part) => {
    if (layout === "varints") reader?.takeVarints(part);
    else if (layout === 4 || layout === 8) reader?.take(part, layout);
    else reader?.take(part);
  });
  const band = reader?.band();
  if (band === undefined || tensor === null) return;
  const seen = new Output();
  for (const number of [tensor.dims.length, ...numbersOf(band)]) seen.signed(number);
  output.message(SEEN_BAND, seen);
}

/** The tensor that these fields make; null where decoding the model will say what is wrong with it. */
function tensorOf(fields: Output): onnx.TensorProto | null {
  try {
    return onnx.TensorProto.decode(fields.bytes());
  } catch {
    return null;
  }
}

/** Protobuf bytes in one growing buffer: a part per field would cost more than the fields. */
class Output {
  #buffer = Buffer.allocUnsafe(256);
  #length = 0;

  /** Appends a field; length-delimited content gets its length in front. */
  field(field: FieldTag, content: Uint8Array): void {
    this.#reserve(2 * VARINT_BYTES + content.length);
    this.varint(field.number * 8 + field.wireType);
    if (field.wireType === 2) this.varint(content.length);
    this.#buffer.set(content, this.#length);
    this.#length += content.length;
  }

  /** A number of which odd ones stand for those below zero. */
  signed(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  message(field: FieldTag, content: Output): void {
    this.field(field, content.bytes());
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  varint(value: number): void {
    this.#reserve(VARINT_BYTES);
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) {
      this.#buffer[this.#length++] = (rest % 128) + 128;
    }
    this.#buffer[this.#length++] = rest;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#length, this.#length + more));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

/** The most that a length or a tag takes. */
const VARINT_BYTES = 10;
