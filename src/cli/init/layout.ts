import { DiagnosticError } from "../../base/diagnostics/diagnostic.js";
import { scaled } from "../../base/units.js";
import type { LoweringOptions } from "../../options.js";
import type { Degrees, Inspection } from "../../views/inspection/inspection.js";

/** What `init` finds out for a job. */
export interface Layout extends Degrees {
  readonly pp: number;
  readonly recompute: "none" | "full";
}

/** Tensor parallelism beyond this leaves the node. */
const MOST_TP = 8;

/** What frameworks, collectives and fragmentation take, which the estimate does not count. */
export const USABLE = 0.9;

/**
 * Layouts of a number of GPUs, those first that divide the model least, tensor parallelism before
 * pipeline stages; recomputation before a further division, because it divides nothing. Degrees of
 * collectives that the graph holds stay.
 */
export function layoutsOf(gpus: number, own: Degrees = ALONE): Layout[] {
  const { cp, ep } = own;
  const found: Layout[] = [];
  for (let parts = own.tp; parts <= gpus; parts++) {
    const dp = gpus / (parts * cp * ep);
    if (!Number.isInteger(dp) || (own.dp > 1 && own.dp !== dp)) continue;
    for (let tp = Math.min(MOST_TP, parts); tp >= 1; tp--) {
      if (parts % tp !== 0 || (tp & (tp - 1)) !== 0 || (own.tp > 1 && own.tp !== tp)) continue;
      for (const recompute of ["none", "full"] as const) {
        found.push({ tp, cp, ep, pp: parts / tp, dp, recompute });
      }
    }
  }
  return found;
}

/** Of a graph without collectives. */
const ALONE: Degrees = { tp: 1, cp: 1, ep: 1, dp: 1 };

/**
 * The first layout whose every stage fits the memory of a GPU, by the compiler's own estimate; null if
 * none does. What the graph cannot be cut into (KRS14xx) is passed over; throws what that was where it is all.
 * @param tell hears what was tried
 */
export async function fittingLayout(
  layouts: readonly Layout[],
  memory_bytes: number,
  inspect: (layout: Layout) => Promise<Inspection>,
  tell: (line: string) => void,
): Promise<Layout | null> {
  const uncut: DiagnosticError[] = [];
  for (const layout of layouts) {
    const peak_bytes = await peakOf(layout, inspect);
    if (peak_bytes instanceof DiagnosticError) {
      uncut.push(peak_bytes);
      continue;
    }
    const fits = peak_bytes <= USABLE * memory_bytes;
    const needed = `${scaled(peak_bytes, "B")} of ${scaled(memory_bytes, "B")}`;
    tell(`${inWords(layout)}: ${needed}${fits ? "" : ", too much"}`);
    if (fits) return layout;
  }
  const [first] = uncut;
  if (first !== undefined && uncut.length === layouts.length) throw first;
  return null;
}

async function peakOf(
  layout: Layout,
  inspect: (layout: Layout) => Promise<Inspection>,
): Promise<number | DiagnosticError> {
  try {
    const { memory } = await inspect(layout);
    return Math.max(...memory.map(({ peak_bytes }) => peak_bytes));
  } catch (cause) {
    if (isUncut(cause)) return cause;
    throw cause;
  }
}

/** Whether the graph cannot be cut so. */
export function isUncut(cause: unknown): cause is DiagnosticError {
  return (
    cause instanceof DiagnosticError &&
    cause.diagnostics.every(({ code }) => code.startsWith("KRS14"))
  );
}

/** `--tp 2 --pp 4 --dp 1 --recompute full`, with the other degrees where they are more than 1. */
function inWords({ tp, cp, ep, pp, dp, recompute }: Layout): string {
  const others = `${cp > 1 ? ` --cp ${cp}` : ""}${ep > 1 ? ` --ep ${ep}` : ""}`;
  return `--tp ${tp}${others} --pp ${pp} --dp ${dp} --recompute ${recompute}`;
}

/** A layout as flags of a config file. */
export function asFlags({ cp, ep, ...layout }: Layout) {
  return { ...layout, ...(cp > 1 ? { cp } : {}), ...(ep > 1 ? { ep } : {}) };
}

/** The job of a layout within options that say the rest. */
export function withLayout(options: LoweringOptions, layout: Layout): LoweringOptions {
  const microbatches = 4 * layout.pp;
  return { ...options, job: { ...options.job, ...layout, microbatches } };
}
