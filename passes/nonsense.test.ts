import { statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DiagnosticError } from "../src/base/diagnostics/diagnostic.js";
import type { AnyGraph } from "../src/ir/pass.js";
import type { TensorGraph } from "../src/ir/tensor-graph.js";
import { verify } from "../src/ir/verify.js";
import { GRAPHS, GRAPHS_BIND, GRAPHS_FOLDER } from "../test/support/graphs.js";
import { read } from "../test/support/onnx-model.js";
import { runPass } from "../test/support/tensor-graph.js";
import { passes } from "./index.js";

const SMALL = 60_000;
const graphs = GRAPHS.flatMap((name) => {
  const path = join(GRAPHS_FOLDER, name);
  const { graph } = statSync(path).size < SMALL ? read(path, GRAPHS_BIND) : { graph: null };
  return graph === null ? [] : [graph];
});
const OPERATORS = [...new Set(graphs.flatMap(({ nodes }) => nodes.map(({ op }) => op)))];

/** Lowers as far as it goes; false where a diagnostic ended it. Anything else passes through. */
function lowers(graph: TensorGraph): boolean {
  let current: AnyGraph = graph;
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

describe.skipIf(graphs.length === 0)("lowering real graphs with other operators in places", () => {
  test("every invariant holds, or a diagnostic ends it", () => {
    const replacement = fc.record({
      place: fc.double({ min: 0, max: 0.999, noNaN: true }),
      op: fc.constantFrom(...OPERATORS),
      bare: fc.boolean(),
    });
    let lowered = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...graphs),
        fc.array(replacement, { minLength: 1, maxLength: 6 }),
        (graph, replacements) => {
          const nodes = [...graph.nodes];
          for (const { place, op, bare } of replacements) {
            const at = Math.floor(place * nodes.length);
            const node = nodes[at];
            if (node !== undefined)
              nodes[at] = { ...node, op, ...(bare ? { attributes: {} } : {}) };
          }
          if (lowers({ ...graph, nodes })) lowered += 1;
        },
      ),
      { seed: 11, numRuns: 150 },
    );
    expect(lowered).toBeGreaterThan(100);
  });
});
