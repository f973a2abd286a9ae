import { closeSync, fstatSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { type Band, elementCount } from "../ir/tensor-graph.js";
import type { BandReader } from "./bands.js";
import type { onnx } from "./proto/generated/onnx.js";
import { many, toNumber, words } from "./wire.js";

/** Enough to tell most weights from a mask; what may be one is read on in larger parts. */
const FIRST_BYTES = 1 << 12;
const CHUNK_BYTES = 1 << 16;
/** Larger masks are not read. */
const MOST_BYTES = 2 ** 30;

interface OpenFile {
  readonly location: string;
  /** Null: there is none in the model's folder that can be read. */
  readonly file: { readonly descriptor: number; readonly size_bytes: number } | null;
}

/** The files in a model's folder that hold the data of its tensors; the last one stays open. */
export class ExternalFiles {
  readonly #model: string;
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  #folder: string | null = null;
  #open: OpenFile | null = null;

  /** @param model the model's file; `-`: it came without a folder */
  constructor(model: string) {
    this.#model = model;
  }

  /**
   * What a tensor with external data shows as a mask, as `BandReader.band` says it; undefined where the file
   * is not there, ends too early or lies elsewhere. Of weights a first part is read.
   */
  bandOf(tensor: onnx.TensorProto.$Properties, reader: BandReader): Band | null | undefined {
    const entry = (key: string) =>
      words(many(tensor.externalData).find((each) => each.key === key)?.value);
    const bytes = reader.size * elementCount(many(tensor.dims).map(toNumber));
    const [offset, length] = [wholeNumber(entry("offset"), 0), wholeNumber(entry("length"), bytes)];
    if (offset === null || length !== bytes || bytes > MOST_BYTES) return undefined;
    const file = this.#fileAt(entry("location"));
    if (file === null || offset + bytes > file.size_bytes) return undefined;
    this.#show(reader, file.descriptor, offset, bytes);
    return reader.band();
  }

  close(): void {
    if (this.#open?.file) closeSync(this.#open.file.descriptor);
    this.#open = null;
  }

  #fileAt(location: string): OpenFile["file"] {
    if (this.#open?.location !== location) {
      this.close();
      this.#open = { location, file: this.#opened(location) };
    }
    return this.#open.file;
  }

  #opened(location: string): OpenFile["file"] {
    if (this.#model === "-") return null;
    try {
      this.#folder ??= realpathSync(dirname(this.#model));
      const path = realpathSync(join(this.#folder, location));
      const inside = this.#folder.endsWith(sep) ? this.#folder : this.#folder + sep;
      if (!path.startsWith(inside) || !statSync(path).isFile()) return null;
      const descriptor = openSync(path, "r");
      return { descriptor, size_bytes: fstatSync(descriptor).size };
    } catch {
      return null;
    }
  }

  /** Shows a part of a file to the reader until it knows enough, or the disk fails. */
  #show(reader: BandReader, descriptor: number, offset: number, length: number): void {
    try {
      for (let done = 0; done < length && !reader.isDone; ) {
        const wanted = Math.min(done === 0 ? FIRST_BYTES : CHUNK_BYTES, length - done);
        const count = readSync(descriptor, this.#chunk, 0, wanted, offset + done);
        if (count === 0) return;
        reader.take(this.#chunk.subarray(0, count));
        done += count;
      }
    } catch {
      // Then the reader has no whole square, and knows nothing.
    }
  }
}

/** A number as external data states it: `absent` where it is left out, null where it is none. */
function wholeNumber(text: string, absent: number): number | null {
  if (text === "") return absent;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : null;
}
