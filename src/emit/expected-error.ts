import { remembered } from "../base/remembered.js";
import type { ChosenUse, Evaluation } from "../ir/configuration.js";
import type { IterationPoint } from "../ir/iteration.js";
import { useCount } from "../ir/partition.js";
import type { ExpectedError } from "../plan/shared.js";
import { usesOnce } from "./uses.js";

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

/** How far off a point may be; null where nothing is known of a part of it. */
export type ErrorOf = (point: IterationPoint) => ExpectedError | null;

/** Errors of a model have one direction, so they add up instead of averaging out. */
class DoubtSum {
  time_s = 0;
  energy_j = 0;
  time_off_s = 0;
  energy_off_j = 0;

  add(doubt: Doubt, times: number): void {
    this.time_s += times * doubt.time_s;
    this.energy_j += times * doubt.energy_j;
    this.time_off_s += times * doubt.time_off_s;
    this.energy_off_j += times * doubt.energy_off_j;
  }
}

/**
 * How far off a plan may be, relative to its time and energy: the spread of what was measured, the
 * error bars of what was interpolated or corrected by measurements, the model's error elsewhere, each
 * by its share of the instructions' time and energy. Null where part of the plan has no known error.
 * Worked out once for a point.
 * @param model relative errors of the device's model; null where nothing is known of them
 */
export function planErrors(model: ExpectedError | null, usesOf = usesOnce()): ErrorOf {
  const ofUses = new Map<readonly ChosenUse[], Doubt | null>();
  const ofPoints = new Map<IterationPoint, ExpectedError | null>();
  const doubtOfAll = (uses: readonly ChosenUse[]): Doubt | null => {
    const sum = new DoubtSum();
    for (const use of uses) {
      const doubt = doubtOf(use.evaluation, model);
      if (doubt === null) return null;
      sum.add(doubt, useCount(use));
    }
    return sum;
  };
  const errorOf: ErrorOf = ({ instructions }) => {
    const sum = new DoubtSum();
    for (const { option } of instructions.flat()) {
      const doubt = remembered(ofUses, usesOf(option), doubtOfAll);
      if (doubt === null) return null;
      sum.add(doubt, 1);
    }
    if (sum.time_s === 0 || sum.energy_j === 0) return null;
    return {
      time: Number((sum.time_off_s / sum.time_s).toPrecision(DIGITS)),
      energy: Number((sum.energy_off_j / sum.energy_j).toPrecision(DIGITS)),
    };
  };
  return (point) => remembered(ofPoints, point, errorOf);
}
