import { scaled } from "../base/units.js";
import { RECOMPUTES, type Recompute, ZERO_LEVELS } from "../ir/choices.js";
import type { Job } from "../ir/job.js";

type Bind = ReadonlyMap<string, number>;

/** A change of a job that may leave more room on each GPU. */
interface Roomier {
  /** What of the job it changes: the smallest step of a kind that fits is enough. */
  readonly kind: string;
  readonly flags: readonly string[];
  readonly job: Job;
  /** Sizes of dimensions: those of a smaller microbatch where it is one. */
  readonly bind: Bind;
}

const TOGETHER = " and recompute";

/** How far degrees are doubled, and microbatches halved. */
const FACTORS = [2, 4, 8, 16] as const;

/**
 * The layouts near a job's, nearest first: more recomputation, more shared by replicas, smaller
 * microbatches, higher degrees; then the degrees together with full recomputation. Whether one fits
 * has to be seen by lowering it.
 */
function roomierLayouts(job: Job, bind: Bind): Roomier[] {
  const more = job.forward_only ? [] : lighter(job.recompute);
  const recomputes = more.map((recompute) => ({
    kind: "recompute",
    flags: ["--recompute", recompute],
    job: { ...job, recompute },
    bind,
  }));
  const shared = job.dp * job.cp * job.ep > 1;
  const zeros = ZERO_LEVELS.filter((level) => shared && level > job.zero).map((zero) => ({
    kind: "zero",
    flags: ["--zero", String(zero)],
    job: { ...job, zero },
    bind,
  }));
  const alone = [...recomputes, ...zeros, ...larger(job, bind)];
  if (more.length === 0) return alone;
  const together = larger({ ...job, recompute: "full" }, bind).map((each) => ({
    ...each,
    kind: `${each.kind}${TOGETHER}`,
    flags: [...each.flags, "--recompute", "full"],
  }));
  return [...alone, ...together];
}

/**
 * The smallest step of each kind that fits, as flags with what it needs: `peakOf` says the most that a
 * stage needs in bytes, or null where there is no such layout. Steps that recompute as well are tried
 * only where none does alone. At most `most` layouts are looked at.
 */
export async function fittingLayouts(
  { job, bind }: { readonly job: Job; readonly bind: Bind },
  available_bytes: number,
  most: number,
  peakOf: (layout: Roomier) => Promise<number | null>,
): Promise<string[]> {
  const found = new Map<string, string>();
  for (const layout of roomierLayouts(job, bind).slice(0, most)) {
    const { kind, flags } = layout;
    if (found.has(kind) || (found.size > 0 && kind.endsWith(TOGETHER))) continue;
    const peak_bytes = await peakOf(layout);
    if (peak_bytes === null || peak_bytes > available_bytes) continue;
    found.set(kind, `${flags.join(" ")} (${scaled(peak_bytes, "B")})`);
  }
  return [...found.values()];
}

/** What keeps less; an early stop keeps what full recomputation does. */
function lighter(recompute: Recompute): readonly Recompute[] {
  const after = RECOMPUTES.slice(RECOMPUTES.indexOf(recompute) + 1);
  return after.filter((each) => each !== "early-stop");
}

/** More microbatches of a smaller batch, and higher degrees. */
function larger(job: Job, bind: Bind): Roomier[] {
  const batches = FACTORS.flatMap((factor) => {
    const smaller = dividedBatch(bind, factor);
    if (smaller === null) return [];
    const microbatches = job.microbatches * factor;
    const sizes = [...smaller].map(([name, size]) => `${name}=${size}`).join(",");
    return [
      {
        kind: "microbatch",
        flags: ["--bind", sizes, "--microbatches", String(microbatches)],
        job: { ...job, microbatches },
        bind: smaller,
      },
    ];
  });
  const degrees = (["tp", "pp", "cp"] as const).flatMap((name) =>
    FACTORS.map((factor) => {
      const degree = job[name] * factor;
      // A stage keeps as many microbatches in flight as there are stages: fewer leave it idle.
      const microbatches =
        name === "pp" ? Math.max(job.microbatches, 4 * degree) : job.microbatches;
      return {
        kind: name,
        flags: [`--${name}`, String(degree)],
        job: { ...job, [name]: degree, microbatches },
        bind,
      };
    }),
  );
  return [...batches, ...degrees];
}

/** Smaller microbatches, as the names of dimensions tell them; null: not to be divided so. */
function dividedBatch(bind: Bind, divisor: number): Bind | null {
  const batches = [...bind].filter(([name]) => /batch/i.test(name));
  const whole = batches.length > 0 && batches.every(([, size]) => size % divisor === 0);
  if (!whole) return null;
  return new Map([...bind, ...batches.map(([name, size]) => [name, size / divisor] as const)]);
}
