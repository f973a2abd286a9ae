import { DiagnosticError } from "../../base/diagnostics/diagnostic.js";
import { scaled } from "../../base/units.js";
import type { LoweringOptions } from "../../options.js";
import type { Inspection } from "../../views/inspection/inspection.js";

/** What `init` finds out for a job. */
export interface Layout {
  readonly tp: number;
  readonly pp: number;
  readonly dp: number;
  readonly recompute: "none" | "full";
}

/** Tensor parallelism beyond this leaves the node. */
const MOST_TP = 8;

/** What frameworks, collectives and fragmentation take, which the estimate does not count. */
export const USABLE = 0.9;

/**
 * Layouts of a number of GPUs, those first that divide the model least, tensor parallelism before
 * pipeline stages; recomputation before a further division, because it divides nothing.
 */
export function layoutsOf(gpus: number): Layout[] {
  const found: Layout[] = [];
  for (let parts = 1; parts <= gpus; parts++) {
    if (gpus % parts !== 0) continue;
    for (let tp = Math.min(MOST_TP, parts); tp >= 1; tp--) {
      if (parts % tp !== 0 || (tp & (tp - 1)) !== 0) continue;
      for (const recompute of ["none", "full"] as const) {
        found.push({ tp, pp: parts / tp, dp: gpus / parts, recompute });
      }
    }
  }
  return found;
}

/**
 * The first layout whose every stage fits the memory of a GPU, by the compiler's own estimate; null if
 * none does. What the graph cannot be cut into (KRS14xx) is passed over.
 * @param tell hears what was tried
 */
export async function fittingLayout(
  layouts: readonly Layout[],
  memory_bytes: number,
  inspect: (layout: Layout) => Promise<Inspection>,
  tell: (line: string) => void,
): Promise<Layout | null> {
  for (const layout of layouts) {
    const peak_bytes = await peakOf(layout, inspect);
    if (peak_bytes === null) continue;
    const fits = peak_bytes <= USABLE * memory_bytes;
    const needed = `${scaled(peak_bytes, "B")} of ${scaled(memory_bytes, "B")}`;
    tell(`${inWords(layout)}: ${needed}${fits ? "" : ", too much"}`);
    if (fits) return layout;
  }
  return null;
}

async function peakOf(
  layout: Layout,
  inspect: (layout: Layout) => Promise<Inspection>,
): Promise<number | null> {
  try {
    const { memory } = await inspect(layout);
    return Math.max(...memory.map(({ peak_bytes }) => peak_bytes));
  } catch (cause) {
    const uncut =
      cause instanceof DiagnosticError &&
      cause.diagnostics.every(({ code }) => code.startsWith("KRS14"));
    if (uncut) return null;
    throw cause;
  }
}

/** `--tp 2 --pp 4 --dp 1 --recompute full`. */
export function inWords({ tp, pp, dp, recompute }: Layout): string {
  return `--tp ${tp} --pp ${pp} --dp ${dp} --recompute ${recompute}`;
}

/** The job of a layout within options that say the rest. */
export function withLayout(options: LoweringOptions, layout: Layout): LoweringOptions {
  const microbatches = 4 * layout.pp;
  return { ...options, job: { ...options.job, ...layout, microbatches } };
}
