import { fail } from "../base/diagnostics/diagnostic.js";
import { malformedModel, notAProtobuf } from "../base/diagnostics/graph.js";
import type { Band } from "../ir/tensor-graph.js";
import { BandReader } from "./bands.js";
import { ChunkedFile } from "./chunked-file.js";
import { externalBand } from "./external-band.js";
import { onnx } from "./proto/generated/onnx.js";
import { many, toNumber, words } from "./wire.js";

/** Tensor payloads above this size are not kept, as weights are not; below, they may steer shapes. */
const PAYLOAD_LIMIT_BYTES = 4096;
const DEPTH_LIMIT = 90;

/** A model without its weights. */
interface StrippedModel {
  /** A valid ModelProto: the file's fields in order, large tensor payloads left out. */
  readonly bytes: Uint8Array;
  /** What the graph's initializers show that are masks about the diagonal, by name. */
  readonly bands: ReadonlyMap<string, Band>;
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

/** Where {@link NESTED} leads to the tensors that the graph stores, and where these have their data. */
const STORED = { depth: 1, field: 5, raw_data: 9, external_data: 13 };

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
    const bands = new Map<string, Band>();
    stripModel({ file, bands }, output);
    return { bytes: output.bytes(), bands, sha256: file.sha256() };
  } finally {
    file.close();
  }
}

/** A file being read, and the masks found so far. */
interface Reading {
  readonly file: ChunkedFile;
  readonly bands: Map<string, Band>;
}

function stripModel(reading: Reading, output: Output): void {
  const { file } = reading;
  let fields = 0;
  while (!file.atEnd()) {
    const field = readTag(file, fields === 0);
    const expected = MODEL_WIRE_TYPES[field.number];
    if (expected === undefined ? fields === 0 : expected !== field.wireType) {
      fail(notAProtobuf(file.path, "its first bytes are not those of a ModelProto"));
    }
    copyField(reading, output, "model", field, Number.POSITIVE_INFINITY, 0);
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
  reading: Reading,
  output: Output,
  message: MessageName,
  field: FieldTag,
  end: number,
  depth: number,
): void {
  const { file } = reading;
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
  const isInStored = message === "tensor" && depth === STORED.depth + 1;
  const mask = isInStored && field.number === STORED.raw_data ? maskOf(output) : null;
  if (payload && (length > PAYLOAD_LIMIT_BYTES || field.number === 6)) {
    file.pass(length, (part) => mask?.reader.take(part));
    keepBand(reading, mask);
    return;
  }
  const nested = NESTED[message][field.number];
  const isStored = message === "graph" && depth === STORED.depth && field.number === STORED.field;
  const isGraph = message === "model" && nested === "graph";
  const isSmall = length <= PAYLOAD_LIMIT_BYTES && !isStored && !isGraph;
  if (nested === undefined || isSmall) {
    const content = file.take(length);
    output.field(field, content);
    mask?.reader.take(content);
    keepBand(reading, mask);
    return;
  }
  if (depth >= DEPTH_LIMIT) fail(malformedModel(file.path, "messages nest without end"));
  const inside = new Output();
  const insideEnd = file.position + length;
  let isExternal = false;
  while (file.position < insideEnd) {
    const inner = readTag(file, false);
    isExternal ||= isStored && inner.number === STORED.external_data;
    copyField(reading, inside, nested, inner, insideEnd, depth + 1);
  }
  if (file.position > insideEnd) {
    fail(malformedModel(file.path, `a message ends inside a field at byte ${file.position}`));
  }
  if (isExternal) keepExternal(reading, inside);
  output.message(field, inside);
}

interface Mask {
  readonly name: string;
  readonly reader: BandReader;
}

/** What reads the raw data of a tensor of which this is known, where it may be a mask. */
function maskOf(tensor: Output): Mask | null {
  const known = tensorOf(tensor);
  const reader = known && BandReader.of(many(known.dims).map(toNumber), toNumber(known.dataType));
  return reader && { name: words(known?.name), reader };
}

function keepBand({ bands }: Reading, mask: Mask | null): void {
  const band = mask?.reader.band();
  if (mask && band) bands.set(mask.name, band);
}

function keepExternal({ file, bands }: Reading, tensor: Output): void {
  const known = tensorOf(tensor);
  const band = known && externalBand(file.path, known);
  if (band) bands.set(words(known?.name), band);
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
    this.#varint(field.number * 8 + field.wireType);
    if (field.wireType === 2) this.#varint(content.length);
    this.#buffer.set(content, this.#length);
    this.#length += content.length;
  }

  message(field: FieldTag, content: Output): void {
    this.field(field, content.bytes());
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #varint(value: number): void {
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
