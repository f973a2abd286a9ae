import { closeSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { type Band, elementCount } from "../ir/tensor-graph.js";
import { BandReader } from "./bands.js";
import type { onnx } from "./proto/generated/onnx.js";
import { many, toNumber, words } from "./wire.js";

/** Enough to tell most weights from a mask. */
const CHUNK_BYTES = 1 << 16;
/** Larger ones are not read. */
const MOST_BYTES = 2 ** 30;

/**
 * What a tensor in a file beside the model shows, where it is a mask about the diagonal; null where it
 * is none, the file is not there or not in the model's folder. Of weights a first chunk is read.
 */
export function externalBand(model: string, tensor: onnx.TensorProto.$Properties): Band | null {
  const shape = many(tensor.dims).map(toNumber);
  const reader = BandReader.of(shape, toNumber(tensor.dataType));
  const entry = (key: string) =>
    words(many(tensor.externalData).find((each) => each.key === key)?.value);
  if (reader === null || toNumber(tensor.dataLocation) !== 1 || model === "-") return null;
  const [offset, left] = [Number(entry("offset")), reader.size * elementCount(shape)];
  if (!Number.isSafeInteger(offset) || offset < 0 || !(left <= MOST_BYTES)) return null;
  const path = fileBeside(model, entry("location"));
  if (path === null) return null;
  readInto(reader, path, offset, left);
  return reader.band();
}

/** The real path of a regular file in the model's folder or below; null: there is none. */
function fileBeside(model: string, location: string): string | null {
  try {
    const folder = realpathSync(dirname(model));
    const path = realpathSync(join(folder, location));
    const isInside = path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
    return isInside && statSync(path).isFile() ? path : null;
  } catch {
    return null;
  }
}

/** Shows a part of a file to the reader until it knows enough or the file ends. */
function readInto(reader: BandReader, path: string, offset: number, length: number): void {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch {
    return;
  }
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  try {
    for (let done = 0; done < length && !reader.failed; ) {
      const wanted = Math.min(CHUNK_BYTES, length - done);
      const count = readSync(descriptor, chunk, 0, wanted, offset + done);
      if (count === 0) return;
      reader.take(chunk.subarray(0, count));
      done += count;
    }
  } catch {
    // A folder, or a disk that fails: nothing is known.
  } finally {
    closeSync(descriptor);
  }
}
