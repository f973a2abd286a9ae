import { Tokenizer, TokenParser, TokenType } from "@streamparser/json";

/*
 * Traces in JSON of any length: their events one by one, in memory that does not grow with the file.
 * A file that would take much memory or time for nothing is refused by what it unpacks to.
 */

const MIB = 2 ** 20;
/** One event, and whatever else a trace says of itself, stays below. */
const LARGEST_VALUE_BYTES = 16 * MIB;
const DEEPEST = 64;
const LARGEST_TEXT_BYTES = 32 * 1024 * MIB;
/** Real traces have none or some; a list of millions is no trace. */
const MOST_EMPTY = 1e6;

/** Lists whose items are the events of a trace; a bare list is `traceEvents`. */
type ListName = "traceEvents" | "workload_graph";

/** What is done with a trace's parts. `item` says whether the value is an event at all. */
interface EventSink {
  readonly item: (list: ListName, value: unknown) => boolean;
  readonly properties: (value: unknown) => void;
}

/** Why a text is no trace, with the byte and the line at which it shows. */
export class JsonFault extends Error {}

/** Takes the text of a trace in parts, and hands its events on as they are whole. */
export class EventReader {
  readonly #tokenizer = new Tokenizer({ stringBufferSize: 64 * 1024, numberBufferSize: 64 });
  readonly #parser: TokenParser;
  /** Lists of events that the text has, empty ones included. */
  readonly lists = new Set<ListName>();
  /** Of the items of lists. */
  readonly #item_depth: 1 | 2;
  #depth = 0;
  #key = "";
  #read_bytes = 0;
  #lines = 1;
  #value_start = 0;
  #last_token = 0;
  #empty = 0;

  /** `bare`: the text is the list of events alone. */
  constructor(sink: EventSink, bare: boolean) {
    this.#item_depth = bare ? 1 : 2;
    const paths = ["$.traceEvents.*", "$.workload_graph.*", "$.deviceProperties"];
    this.#parser = new TokenParser({ paths: bare ? ["$.*"] : paths, keepStack: false });
    this.#parser.onValue = ({ value, key, stack }) => {
      if (key === "deviceProperties") sink.properties(value);
      if (typeof key !== "number") return;
      const list = bare || stack[1]?.key === "traceEvents" ? "traceEvents" : "workload_graph";
      if (sink.item(list, value)) return;
      if (++this.#empty > MOST_EMPTY) throw new JsonFault("over a million items are no events");
    };
    this.#tokenizer.onToken = (token) => {
      this.#last_token = token.offset;
      this.#follow(token.token, token.value, bare);
      this.#parser.write(token);
      if (this.#depth <= this.#item_depth) this.#value_start = token.offset;
    };
    // What the sinks throw passes through both.
    this.#tokenizer.onError = (reason) => this.#fail(reason);
    this.#parser.onError = (reason) => this.#fail(reason);
  }

  #fail(reason: Error): never {
    throw reason;
  }

  /** Keeps how deep the text is, and which lists it has. */
  #follow(token: TokenType, value: unknown, bare: boolean): void {
    if (token === TokenType.STRING && this.#depth === 1) this.#key = String(value);
    else if (token === TokenType.LEFT_BRACE || token === TokenType.LEFT_BRACKET) {
      const is_list = token === TokenType.LEFT_BRACKET && this.#depth === this.#item_depth - 1;
      const name = bare ? "traceEvents" : this.#key;
      if (is_list && (name === "traceEvents" || name === "workload_graph")) this.lists.add(name);
      if (++this.#depth > DEEPEST) throw new JsonFault(`nested deeper than ${DEEPEST}`);
    } else if (token === TokenType.RIGHT_BRACE || token === TokenType.RIGHT_BRACKET) this.#depth--;
  }

  /** Reads the next part. Throws a {@link JsonFault}. */
  write(bytes: Uint8Array): void {
    try {
      this.#tokenizer.write(bytes);
    } catch (reason) {
      throw this.#placed(reason, bytes);
    }
    this.#read_bytes += bytes.length;
    this.#lines += linesOf(bytes);
    const open = this.#read_bytes - Math.min(this.#value_start, this.#last_token);
    if (open > LARGEST_VALUE_BYTES) {
      throw new JsonFault(`one value is above 16 MiB, from byte ${this.#value_start} on`);
    }
    if (this.#read_bytes > LARGEST_TEXT_BYTES) throw new JsonFault("it is above 32 GiB unpacked");
  }

  /** Ends the text. Throws a {@link JsonFault} if it is not whole. */
  end(): void {
    if (this.#parser.isEnded) return;
    throw new JsonFault(
      `it is not whole JSON: it ends at byte ${this.#read_bytes}, line ${this.#lines}`,
    );
  }

  #placed(reason: unknown, bytes: Uint8Array): JsonFault {
    const message = reason instanceof Error ? reason.message : String(reason);
    const failed_at = Number(/absolute position "(\d+)"/.exec(message)?.[1] ?? this.#last_token);
    const before = bytes.subarray(0, Math.max(0, failed_at - this.#read_bytes));
    const line = this.#lines + linesOf(before);
    const what = reason instanceof JsonFault ? reason.message : "it is not JSON";
    return new JsonFault(`${what} (at byte ${failed_at}, line ${line})`);
  }
}

function linesOf(bytes: Uint8Array): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}
