import { at } from "../base/need.js";
import { paretoIndices } from "../math/pareto.js";
import type { JobOption } from "./job-option.js";

/** A choice for the first jobs. */
interface Choice {
  readonly power_w: number;
  readonly throughput: number;
  /** Of the last of them, and the choice before it; null: no job yet. */
  readonly last: { readonly option: JobOption; readonly before: Choice } | null;
}

const NO_JOB: Choice = { power_w: 0, throughput: 0, last: null };

/** More choices than this that no other beats are given up. */
const MOST_CHOICES = 50_000;

/**
 * The choice of one option per job with the most throughput under a cap, by enumeration: job by job, choices
 * that another beats in power and throughput, or that cannot come up to `known` any more, are dropped. Null:
 * there are too many, or none is better than `known`.
 */
export function bestOfFew(
  jobs: readonly (readonly JobOption[])[],
  power_cap_w: number,
  known: readonly JobOption[],
): JobOption[] | null {
  const target = known.reduce((sum, { throughput }) => sum + throughput, 0);
  const rest = restOf(jobs);
  let choices: readonly Choice[] = [NO_JOB];
  for (const [job, options] of jobs.entries()) {
    const { power_w: rest_w, throughput: rest_throughput } = at(rest, job + 1);
    const longer = choices.flatMap((before) =>
      options.flatMap((option): Choice[] => {
        const power_w = option.power_w + before.power_w;
        const throughput = option.throughput + before.throughput;
        const hopeless = throughput + rest_throughput <= target;
        return power_w + rest_w > power_cap_w || hopeless
          ? []
          : [{ power_w, throughput, last: { option, before } }];
      }),
    );
    const kept = paretoIndices(
      longer.map(({ power_w }) => power_w),
      longer.map(({ throughput }) => -throughput),
    );
    if (kept.length > MOST_CHOICES) return null;
    choices = kept.map((i) => at(longer, i));
  }
  if (choices.length === 0) return null;
  return optionsOf(choices.reduce((a, b) => (b.throughput > a.throughput ? b : a)));
}

/** By job: the least power and the most throughput of it and all after it. */
function restOf(jobs: readonly (readonly JobOption[])[]) {
  const rest = [{ power_w: 0, throughput: 0 }];
  for (const options of jobs.toReversed()) {
    const { power_w, throughput } = at(rest, 0);
    rest.unshift({
      power_w: power_w + Math.min(...options.map((option) => option.power_w)),
      throughput: throughput + Math.max(...options.map((option) => option.throughput)),
    });
  }
  return rest;
}

function optionsOf({ last }: Choice): JobOption[] {
  return last === null ? [] : [...optionsOf(last.before), last.option];
}
