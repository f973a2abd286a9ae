import { type Evaluation, type InstructionOption, unswitched } from "../ir/configuration.js";
import type { IterationPoint } from "../ir/iteration.js";
import { useCount } from "../ir/partition.js";
import type { ExpectedError } from "../plan/shared.js";

/** What some work takes, and how much of that may be wrong. */
interface Doubt {
  readonly time_s: number;
  readonly energy_j: number;
  readonly time_off_s: number;
  readonly energy_off_j: number;
}

/** An error is not known to more digits than this. */
const DIGITS = 3;

/**
 * Of a measurement without a spread of its own: the median of the overlap sweep that the Kareus
 * artifact published, three windows each.
 */
const MEASURED: ExpectedError = { time: 0.0016, energy: 0.013 };

function doubtOf(evaluation: Evaluation, model: ExpectedError | null): Doubt | null {
  const { time_s, energy_j, source, time_s_std, energy_j_std } = evaluation;
  const shares = source === "measured" ? MEASURED : model;
  const time_off_s = time_s_std ?? (shares && time_s * shares.time);
  const energy_off_j = energy_j_std ?? (shares && energy_j * shares.energy);
  if (time_off_s === null || energy_off_j === null) return null;
  return { time_s, energy_j, time_off_s, energy_off_j };
}

/** Errors of a model have one direction, so they add up instead of averaging out. */
function added(list: readonly { readonly doubt: Doubt | null; readonly times: number }[]) {
  const sum = { time_s: 0, energy_j: 0, time_off_s: 0, energy_off_j: 0 };
  for (const { doubt, times } of list) {
    if (doubt === null) return null;
    sum.time_s += times * doubt.time_s;
    sum.energy_j += times * doubt.energy_j;
    sum.time_off_s += times * doubt.time_off_s;
    sum.energy_off_j += times * doubt.energy_off_j;
  }
  return sum;
}

/**
 * How far off a plan may be, relative to its time and energy: the spread of what was measured, the
 * error bars of what was interpolated or corrected by measurements, the model's error elsewhere, each
 * by its share of the instructions' time and energy. Null where part of the plan has no known error.
 * @param model relative errors of the device's model; null where nothing is known of them
 */
export function planErrors(
  model: ExpectedError | null,
): (point: IterationPoint) => ExpectedError | null {
  const known = new WeakMap<InstructionOption, Doubt | null>();
  const ofOption = (option: InstructionOption): Doubt | null => {
    const found = known.get(option);
    if (found !== undefined) return found;
    const uses = option.use().map((use) => {
      return { doubt: doubtOf(use.evaluation, model), times: useCount(use) };
    });
    const made = added(uses);
    known.set(option, made);
    return made;
  };
  return ({ instructions }) => {
    const all = instructions
      .flat()
      .map(({ option }) => ({ doubt: ofOption(unswitched(option)), times: 1 }));
    const sum = added(all);
    if (sum === null || sum.time_s === 0 || sum.energy_j === 0) return null;
    return {
      time: Number((sum.time_off_s / sum.time_s).toPrecision(DIGITS)),
      energy: Number((sum.energy_off_j / sum.energy_j).toPrecision(DIGITS)),
    };
  };
}
