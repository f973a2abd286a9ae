import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DiagnosticError } from "../src/base/diagnostics/diagnostic.js";
import { verify } from "../src/ir/verify.js";
import { GRAPHS, GRAPHS_BIND, GRAPHS_FOLDER } from "../test/support/graphs.js";
import { read, temporaryFile } from "../test/support/onnx-model.js";
import { runPass } from "../test/support/tensor-graph.js";
import { passes } from "./index.js";

const file = temporaryFile();
const small = GRAPHS.map((name) => readFileSync(join(GRAPHS_FOLDER, name))).filter(
  (bytes) => bytes.length < 40_000,
);

/** Reads and lowers; false where a diagnostic ended it. Anything else passes through. */
function lowers(bytes: Uint8Array): boolean {
  const { graph } = read(file(bytes), GRAPHS_BIND);
  if (graph === null) return false;
  let current: Parameters<typeof verify>[0] = graph;
  try {
    for (const pass of passes) {
      current = runPass(pass, current);
      expect([pass.name, verify(current)]).toEqual([pass.name, []]);
    }
    return true;
  } catch (error) {
    if (error instanceof DiagnosticError) return false;
    throw error;
  }
}

describe.skipIf(small.length === 0)("lowering damaged graphs", () => {
  test("every invariant holds, or a diagnostic ends it", () => {
    const flip = fc.tuple(
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.integer({ min: 1, max: 255 }),
    );
    const which = fc.integer({ min: 0, max: small.length - 1 });
    let lowered = 0;
    fc.assert(
      fc.property(which, fc.array(flip, { minLength: 1, maxLength: 3 }), (index, flips) => {
        const bytes = Uint8Array.from(small[index] ?? []);
        for (const [place, bits] of flips) {
          const at = Math.floor(place * bytes.length);
          bytes[at] = (bytes[at] ?? 0) ^ bits;
        }
        if (lowers(bytes)) lowered += 1;
      }),
      { seed: 11, numRuns: 1000 },
    );
    expect(lowered).toBeGreaterThan(200);
  });
});
