import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { fail } from "../base/diagnostics/diagnostic.js";
import { malformedModel, truncatedFile, unreadableFile } from "../base/diagnostics/graph.js";
import { reasonOf } from "../base/files.js";
import { at } from "../base/need.js";
import { readStdin } from "../base/stdin.js";

const CHUNK_BYTES = 1 << 20;

/** Forward-only reader of a file, or of standard input for `-`, that hashes what it passes. */
export class ChunkedFile {
  readonly path: string;
  /** Null: standard input. */
  readonly #descriptor: number | null;
  readonly #hash = createHash("sha256");
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  #next = 0;
  #filled = 0;
  #chunkStart = 0;

  constructor(path: string) {
    this.path = path;
    try {
      this.#descriptor = path === "-" ? null : openSync(path, "r");
    } catch (error) {
      fail(unreadableFile(path, reasonOf(error)));
    }
  }

  /** Bytes passed so far. */
  get position(): number {
    return this.#chunkStart + this.#next;
  }

  atEnd(): boolean {
    return this.#next === this.#filled && !this.#fill();
  }

  /** The next `length` bytes, good until the next read; grows only as far as the file goes. */
  take(length: number): Uint8Array {
    if (length <= this.#filled - this.#next) {
      this.#next += length;
      return this.#chunk.subarray(this.#next - length, this.#next);
    }
    const parts: Buffer[] = [];
    this.pass(length, (part) => parts.push(Buffer.from(part)));
    return Buffer.concat(parts);
  }

  /** The bytes of one varint, as they are. */
  rawVarint(): Uint8Array {
    const bytes: number[] = [];
    do {
      if (bytes.length === 10) fail(malformedModel(this.path, "a number has no end"));
      bytes.push(this.#byte());
    } while (at(bytes, -1) >= 128);
    return Uint8Array.from(bytes);
  }

  /** A varint as a number; values above 2^53 lose their low bits (no length is that large). */
  varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 70; scale *= 128) {
      const byte = this.#byte();
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
    return fail(malformedModel(this.path, "a number has no end"));
  }

  sha256(): string {
    return this.#hash.digest("hex");
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
  }

  #byte(): number {
    if (this.atEnd()) fail(truncatedFile(this.path, this.position));
    const byte = at(this.#chunk, this.#next);
    this.#next += 1;
    return byte;
  }

  /** Shows the next `length` bytes part by part, each good until the next. */
  pass(length: number, visit: (part: Uint8Array) => void): void {
    let left = length;
    while (left > 0) {
      if (this.atEnd()) fail(truncatedFile(this.path, this.position));
      const count = Math.min(left, this.#filled - this.#next);
      visit(this.#chunk.subarray(this.#next, this.#next + count));
      this.#next += count;
      left -= count;
    }
  }

  #fill(): boolean {
    this.#chunkStart += this.#filled;
    this.#next = 0;
    this.#filled = this.#read();
    this.#hash.update(this.#chunk.subarray(0, this.#filled));
    return this.#filled > 0;
  }

  #read(): number {
    try {
      if (this.#descriptor === null) return readStdin(this.#chunk);
      return readSync(this.#descriptor, this.#chunk, 0, CHUNK_BYTES, null);
    } catch (error) {
      return fail(unreadableFile(this.path, reasonOf(error)));
    }
  }
}
