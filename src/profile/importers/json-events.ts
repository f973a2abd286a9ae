import { Tokenizer, TokenParser } from "@streamparser/json";
import { hotByte } from "../../base/need.js";

/*
 * Traces in JSON of any length: their events one by one, in memory that does not grow with the file.
 * Values are cut out of the text by their brackets and quotes, and each is parsed by itself.
 * A file that would take much memory or time for nothing is refused by what it unpacks to.
 */

const MIB = 2 ** 20;
/** One event, and whatever else a trace says of itself, stays below. */
const LARGEST_VALUE_BYTES = 16 * MIB;
/** In memory each takes a hundred times what "{}," takes in a file. */
const MOST_PARTS = 2 ** 17;
const DEEPEST = 64;
const LARGEST_TEXT_BYTES = 32 * 1024 * MIB;
/** Real traces have none or some; a list of millions is no trace. */
const MOST_EMPTY = 1e6;

/** Lists whose items are the events of a trace; a bare list is `traceEvents`. */
const LISTS = ["traceEvents", "workload_graph"] as const;
type ListName = (typeof LISTS)[number];

/** What is done with a trace's parts. `item` says whether the value is an event at all. */
interface EventSink {
  readonly item: (list: ListName, value: unknown) => boolean;
  /** A value of the trace beside its events. */
  readonly property: (name: string, value: unknown) => void;
}

/** Why a text is no trace, with the byte and the line at which it shows. */
export class JsonFault extends Error {}

const code = (sign: string): number => sign.charCodeAt(0);
const [QUOTE, BACKSLASH, COMMA, COLON] = [code('"'), code("\\"), code(","), code(":")];
const [BRACE, END_BRACE, BRACKET, END_BRACKET] = [code("{"), code("}"), code("["), code("]")];
const [LINE_FEED, SPACE] = [code("\n"), code(" ")];
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

const isSpace = (byte: number): boolean =>
  byte === SPACE || byte === LINE_FEED || byte === code("\r") || byte === code("\t");

/** What may come next between values. */
type Next =
  | "text"
  | "first key"
  | "key"
  | "colon"
  | "value"
  | "first item"
  | "item"
  | "comma"
  | "end";

/** Takes the text of a trace in parts, and hands its events on as they are whole. */
export class EventReader {
  readonly #sink: EventSink;
  /** Lists of events that the text has, empty ones included. */
  readonly lists = new Set<ListName>();
  #next: Next = "text";
  #key = "";
  /** The list of events that is open. */
  #list: ListName | null = null;
  #is_object = false;
  #read_bytes = 0;
  /** Where the last byte stood that is no space between values. */
  #last_sign = 0;
  #lines = 1;
  #empty = 0;

  /** The value that is open: its bytes of earlier parts, where it begins, how far it is. */
  #value: Uint8Array[] | null = null;
  #value_bytes = 0;
  #value_start = 0;
  #value_line = 1;
  #depth = 0;
  #parts = 0;
  #in_string = false;
  #escaped = false;

  constructor(sink: EventSink) {
    this.#sink = sink;
  }

  /** Reads the next part. Throws a {@link JsonFault}. */
  write(bytes: Uint8Array): void {
    let i = 0;
    while (i < bytes.length)
      i = this.#value === null ? this.#between(bytes, i) : this.#within(bytes, i);
    this.#read_bytes += bytes.length;
    if (this.#value === null && this.#read_bytes - this.#last_sign > LARGEST_VALUE_BYTES) {
      throw new JsonFault(`16 MiB of nothing, from byte ${this.#last_sign + 1} on`);
    }
    if (this.#read_bytes > LARGEST_TEXT_BYTES) throw new JsonFault("it is above 32 GiB unpacked");
  }

  /** Ends the text. Throws a {@link JsonFault} if it is not whole. */
  end(): void {
    if (this.#next === "end" && this.#value === null) return;
    throw new JsonFault(
      `it is not whole JSON: it ends at byte ${this.#read_bytes}, line ${this.#lines}`,
    );
  }

  /** Takes a byte that is in no value; the index after it, or its own where a value begins. */
  #between(bytes: Uint8Array, i: number): number {
    const byte = hotByte(bytes, i);
    if (byte === LINE_FEED) this.#lines++;
    if (isSpace(byte)) return i + 1;
    const place = this.#read_bytes + i;
    this.#last_sign = place;
    if (this.#next === "text" && byte === BYTE_ORDER_MARK[place]) return i + 1;
    const next = this.#after(byte);
    if (next !== null) {
      this.#next = next;
      return i + 1;
    }
    const takes_value = /key|value|item/.test(this.#next);
    if (
      !takes_value ||
      byte === COMMA ||
      byte === COLON ||
      byte === END_BRACE ||
      byte === END_BRACKET
    )
      throw notJson(place, this.#lines);
    this.#value = [];
    this.#value_bytes = 0;
    this.#parts = 0;
    this.#value_start = place;
    this.#value_line = this.#lines;
    return i;
  }

  /** What may come after a sign of the text's own structure; null if it is none, or not here. */
  #after(byte: number): Next | null {
    const next = this.#next;
    const opens = byte === BRACKET && (next === "text" || next === "value");
    const name = next === "text" ? "traceEvents" : LISTS.find((list) => list === this.#key);
    if (opens && name !== undefined) {
      this.#list = name;
      this.lists.add(name);
      return "first item";
    }
    if (next === "text" && byte === BRACE) {
      this.#is_object = true;
      return "first key";
    }
    if (next === "colon" && byte === COLON) return "value";
    if (this.#list !== null) {
      if (next === "comma" && byte === COMMA) return "item";
      if (byte !== END_BRACKET || (next !== "comma" && next !== "first item")) return null;
      this.#list = null;
      return this.#is_object ? "comma" : "end";
    }
    if (next === "comma" && byte === COMMA) return "key";
    return byte === END_BRACE && (next === "comma" || next === "first key") ? "end" : null;
  }

  /** Goes on in a value; the index after it, or of the end of the bytes. */
  #within(bytes: Uint8Array, from: number): number {
    let [depth, in_string, escaped] = [this.#depth, this.#in_string, this.#escaped];
    let parts = this.#parts;
    let end = -1;
    for (let i = from; i < bytes.length && end < 0; i++) {
      const byte = hotByte(bytes, i);
      if (in_string) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) {
          in_string = false;
          if (depth === 0) end = i + 1;
        }
      } else if (byte === QUOTE) in_string = true;
      else if (byte === BRACE || byte === BRACKET) {
        depth++;
        parts++;
      } else if (byte === COMMA && depth > 0) parts++;
      else if (byte === END_BRACE || byte === END_BRACKET) {
        if (depth === 0) end = i;
        else if (--depth === 0) end = i + 1;
      } else if (depth === 0 && (byte === COMMA || byte === COLON || isSpace(byte))) end = i;
      else if (byte === LINE_FEED) this.#lines++;
      if (depth > DEEPEST) {
        throw new JsonFault(
          `nested deeper than ${DEEPEST}${placed(this.#read_bytes + i, this.#lines)}`,
        );
      }
    }
    [this.#depth, this.#in_string, this.#escaped] = [depth, in_string, escaped];
    this.#parts = parts;
    const part = bytes.subarray(from, end < 0 ? bytes.length : end);
    this.#value?.push(part);
    this.#value_bytes += part.length;
    if (this.#value_bytes > LARGEST_VALUE_BYTES) {
      throw new JsonFault(`one value is above 16 MiB, from byte ${this.#value_start} on`);
    }
    if (parts > MOST_PARTS) {
      throw new JsonFault(
        `one value has over ${MOST_PARTS} parts${placed(this.#value_start, this.#value_line)}`,
      );
    }
    if (end < 0) return bytes.length;
    this.#last_sign = this.#read_bytes + end;
    this.#take(this.#value?.length === 1 ? part : Buffer.concat(this.#value ?? []));
    return end;
  }

  /** Takes a value that is whole. */
  #take(bytes: Uint8Array): void {
    this.#value = null;
    const value = this.#parsed(bytes);
    if (this.#next === "key" || this.#next === "first key") {
      if (typeof value !== "string") throw notJson(this.#value_start, this.#value_line);
      this.#key = value;
      this.#next = "colon";
      return;
    }
    this.#next = "comma";
    try {
      if (this.#list === null) this.#sink.property(this.#key, value);
      else if (!this.#sink.item(this.#list, value) && ++this.#empty > MOST_EMPTY)
        throw new JsonFault("over a million items are no events");
    } catch (reason) {
      if (!(reason instanceof JsonFault)) throw reason;
      throw new JsonFault(reason.message + placed(this.#value_start, this.#value_line));
    }
  }

  #parsed(bytes: Uint8Array): unknown {
    try {
      return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8"));
    } catch {
      const at = faultIn(bytes);
      throw notJson(this.#value_start + at, this.#value_line + linesOf(bytes.subarray(0, at)));
    }
  }
}

const placed = (byte: number, line: number): string => ` (at byte ${byte}, line ${line})`;

const notJson = (byte: number, line: number): JsonFault =>
  new JsonFault(`it is not JSON${placed(byte, line)}`);

/** Where in a value that is no JSON that shows. */
function faultIn(bytes: Uint8Array): number {
  const tokenizer = new Tokenizer();
  const parser = new TokenParser({ paths: ["$"] });
  let last_token = 0;
  const stop = (reason: Error): never => {
    throw reason;
  };
  tokenizer.onToken = (token) => {
    last_token = token.offset;
    parser.write(token);
  };
  tokenizer.onError = stop;
  parser.onError = stop;
  try {
    tokenizer.write(bytes);
  } catch (reason) {
    const message = reason instanceof Error ? reason.message : "";
    return Number(/absolute position "(\d+)"/.exec(message)?.[1] ?? last_token);
  }
  return last_token;
}

/** The line ends in a text. */
export function linesOf(bytes: Uint8Array): number {
  let lines = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) lines++;
  return lines;
}
