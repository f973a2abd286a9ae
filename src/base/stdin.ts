import { readSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

/*
 * Standard input, read from its descriptor by whoever needs it: a stream of Node's would take bytes that a reader
 * of the descriptor then misses. The command line leaves the descriptor in non-blocking mode (src/cli/main.ts):
 * a thread that waits inside the operating system could not be ended by a signal.
 */

const DESCRIPTOR = 0;
const PART_BYTES = 1 << 16;
/** How long to wait where nothing is there yet. */
const PAUSE_MS = 2;

/** Bytes put into `part`, 0 at the end, or null where there are none yet. */
function readNow(part: Uint8Array): number | null {
  try {
    return readSync(DESCRIPTOR, part, 0, part.length, null);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return null;
    throw error;
  }
}

/** Waits for bytes of standard input, puts them into `part`, and returns how many; 0 at the end. */
export function readStdin(part: Uint8Array): number {
  for (;;) {
    const count = readNow(part);
    if (count !== null) return count;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
  }
}

/** Standard input to its end, part by part, the event loop running between them. */
export async function* stdinParts(): AsyncGenerator<Buffer> {
  for (;;) {
    const part = Buffer.allocUnsafe(PART_BYTES);
    const count = readNow(part);
    if (count === 0) return;
    if (count === null) await setTimeout(PAUSE_MS);
    else yield part.subarray(0, count);
  }
}

/** The whole of standard input as UTF-8 text. */
export function stdinText(): string {
  const parts: Buffer[] = [];
  for (;;) {
    const part = Buffer.allocUnsafe(PART_BYTES);
    const count = readStdin(part);
    if (count === 0) return Buffer.concat(parts).toString("utf8");
    parts.push(part.subarray(0, count));
  }
}
