import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import { stdinParts } from "../../base/stdin.js";

/* What a file holds, whether it is packed (gzip), an archive (tar), both or neither. */

/** A file, or one of an archive: its name for messages, its bytes, and how they begin. */
export interface Member {
  readonly name: string;
  readonly head: Buffer;
  readonly content: AsyncIterable<Buffer>;
}

const HEAD_BYTES = 64 * 1024;
const TAR_MAGIC_AT = 257;
/** Archives of more files are none of a run. */
const MOST_MEMBERS = 20_000;
/** A packed archive of packed files is three times; there are files that unpack to themselves. */
const DEEPEST = 8;

type Parts = AsyncIterable<Buffer>;

/** The first bytes of a stream, and all of it. */
async function peeked(parts: Parts): Promise<{ head: Buffer; content: Parts }> {
  const iterator = parts[Symbol.asyncIterator]();
  const first: Buffer[] = [];
  for (let size = 0; size < HEAD_BYTES; ) {
    const { done, value } = await iterator.next();
    if (done) break;
    first.push(value);
    size += value.length;
  }
  const head = Buffer.concat(first);
  async function* content() {
    yield head;
    for (;;) {
      const { done, value } = await iterator.next();
      if (done) return;
      yield value;
    }
  }
  return { head, content: content() };
}

/** Bytes through a stream that changes them. A fault of the source is one of the result. */
function through(parts: Parts, changed: NodeJS.ReadWriteStream & Readable): Parts {
  pipeline(Readable.from(parts, { objectMode: false }), changed).catch((fault) =>
    changed.destroy(fault),
  );
  return changed;
}

async function* members(name: string, parts: Parts, depth: number): AsyncGenerator<Member> {
  if (depth > DEEPEST) throw new Error(`it is packed over ${DEEPEST} times`);
  const { head, content } = await peeked(parts);
  if (head[0] === 0x1f && head[1] === 0x8b) {
    yield* members(name, through(content, createGunzip()), depth + 1);
  } else if (head.toString("latin1", TAR_MAGIC_AT, TAR_MAGIC_AT + 5) === "ustar") {
    yield* archived(name, content, depth + 1);
  } else yield { name, head, content };
}

/** The plain files of an archive, in order; links and folders are passed over, nothing is written. */
async function* archived(archive: string, content: Parts, depth: number): AsyncGenerator<Member> {
  const unpacking = extract();
  const feeding = pipeline(Readable.from(content, { objectMode: false }), unpacking);
  feeding.catch(() => undefined);
  let count = 0;
  for await (const entry of unpacking) {
    if (++count > MOST_MEMBERS) throw new Error(`it has over ${MOST_MEMBERS} members`);
    if (entry.header.type === "file")
      yield* members(`${archive}:${entry.header.name}`, Readable.from(entry), depth);
    entry.resume();
  }
  await feeding;
}

/** What a file, or standard input for `-`, holds, one after the other; each is read to its end. */
export function membersOf(file: string): AsyncGenerator<Member> {
  return members(file, file === "-" ? stdinParts() : createReadStream(file), 0);
}
