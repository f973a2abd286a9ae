import { type Diagnostic, DiagnosticError } from "../../base/diagnostics/diagnostic.js";
import type { Fact } from "../operators/operator.js";
import type { SourceGraph } from "../source.js";
import { Inference, type InferenceContext, type InferredNodes } from "./inference.js";

/**
 * Infers type, shape and small values of every tensor of ordered nodes, starting from `facts` (which
 * is extended). Returns the nodes in order with branches taken. Fails with a diagnostic where a shape
 * cannot be known; warns about unknown operators, once per kind, about sizes that are assumed, and
 * where the file states another shape than the inferred one.
 *
 * Where inferred shapes do not fit each other, and stated ones do, the stated ones hold.
 */
export function inferShapes(
  graph: SourceGraph,
  facts: Map<string, Fact>,
  context: InferenceContext,
): InferredNodes {
  const start = new Map(facts);
  const said: Diagnostic[] = [];
  const inferred = (trusted: ReadonlySet<string>) =>
    new Inference(graph, facts, trusted, { ...context, report: (each) => said.push(each) });
  const first = inferred(new Set());
  try {
    return first.run();
  } catch (error) {
    const candidates = first.stated.candidates();
    if (!(error instanceof DiagnosticError) || candidates.size === 0) throw error;
    facts.clear();
    for (const [name, fact] of start) facts.set(name, fact);
    said.length = 0;
    try {
      return inferred(candidates).run();
    } catch {
      throw error;
    }
  } finally {
    for (const diagnostic of said) context.report(diagnostic);
  }
}
