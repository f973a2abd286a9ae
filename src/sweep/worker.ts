import { type Diagnostic, DiagnosticError } from "../base/diagnostics/diagnostic.js";
import { SILENT } from "../lowering.js";
import type { OptimizeOptions } from "../pipeline.js";
import { type LayoutFrontier, layoutFrontiers, type Variant } from "./layout-frontiers.js";

/** Layouts that share a lowering. */
export interface SweepTask {
  readonly options: OptimizeOptions;
  readonly variants: readonly Variant[];
  /** The symbolic dimension that counts samples. */
  readonly batch: string;
}

/** Their frontiers, or why there are none. */
export type SweepReply =
  | {
      readonly type: "found";
      readonly frontiers: readonly LayoutFrontier[];
      readonly reports: readonly Diagnostic[];
    }
  | { readonly type: "refused"; readonly diagnostics: readonly Diagnostic[] };

/** A worker thread's answer to one task. */
export default async function answer({ options, variants, batch }: SweepTask): Promise<SweepReply> {
  const reports: Diagnostic[] = [];
  const hooks = {
    ...SILENT,
    report: (diagnostic: Diagnostic) => {
      reports.push(diagnostic);
    },
  };
  try {
    const frontiers = await layoutFrontiers(options, variants, batch, hooks);
    return { type: "found", frontiers, reports };
  } catch (error) {
    if (error instanceof DiagnosticError)
      return { type: "refused", diagnostics: error.diagnostics };
    throw error;
  }
}
