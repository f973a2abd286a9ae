import { at } from "../base/need.js";
import { logLikelihood, type Prior } from "./gaussian-process.js";
import { nelderMead } from "./nelder-mead.js";

/** Any of them may be off from what is believed by a factor e at times: a logarithm by so much. */
export const WIDTH = 1;

/**
 * Logarithms of hyperparameters of the highest likelihood, weighed with beliefs about each: the mode
 * of their posterior, found from `start`. Its value is what was minimised, to compare starts by.
 */
export function likeliest(
  priorOf: (logs: readonly number[]) => Prior,
  believed: readonly number[],
  start: readonly number[],
  search: Parameters<typeof nelderMead>[2],
): ReturnType<typeof nelderMead> {
  const unlikely = (logs: readonly number[]) =>
    logs.reduce(
      (sum, log, i) => sum + 0.5 * ((log - at(believed, i)) / WIDTH) ** 2,
      -logLikelihood(priorOf(logs)),
    );
  return nelderMead(unlikely, start, search);
}
