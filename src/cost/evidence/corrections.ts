import { grouped } from "../../base/grouped.js";
import type { Device } from "../../gpu/device-schema.js";
import type { Work } from "../../ir/work.js";
import { krigingAround } from "../../math/kriging.js";
import { beyond, levelOf } from "../../math/level.js";
import { spread } from "../../math/spread.js";
import type { Measurements } from "../../profile/library.js";
import type { Correction, Factors } from "../physics/correction.js";
import {
  clockCoordinate,
  communicationAt,
  kernelResiduals,
  kindOf,
  type Residual,
  shapeOf,
  transferKind,
  transferResiduals,
  unfitness,
} from "./residuals.js";

/** The logarithm of a correction at a shape over the coordinate of clocks. */
type CorrectionOf = (shape: readonly number[]) => (drift: number) => number;

/** A correction is judged by so many parts of the residuals, and of more than this many by some spread over them. */
const PARTS = 10;
const JUDGED = 64;

/** What is believed of a correction before others judge it: all of it, as that many of that size do. */
const PRIOR = { std: 0.05, values: 2 };

/**
 * What residuals of a kind have in common and what is left of each near it, as far as it is more than
 * they may be off all alike.
 */
function told(residuals: readonly Residual[]): CorrectionOf {
  const known = residuals.map((residual) => residual.known);
  const largest = (which: "common" | "own") =>
    Math.max(...residuals.map(({ errors }) => errors[which]));
  const [common, own] = [largest("common"), largest("own")];
  const { centre, believed } = levelOf(known.map(({ value }) => value));
  const field = krigingAround(known, centre, believed, own);
  return (shape) => {
    const { value } = field(shape);
    return (drift) => beyond(value(drift), common);
  };
}

/**
 * The share of a correction that residuals confirm which had no part in it: the one that leaves least of
 * their squares (stacking, Wolpert 1992); none where it does worse than nothing.
 */
function confirmedShare(residuals: readonly Residual[]): number {
  const judges = spread(residuals, JUDGED);
  const believed = PRIOR.values * PRIOR.std ** 2;
  let [confirmed, whole] = [believed, believed];
  const parts = Math.min(PARTS, judges.length);
  for (let part = 0; part < parts && parts > 1; part++) {
    const correction = told(judges.filter((_, i) => i % parts !== part));
    for (const { known } of judges.filter((_, i) => i % parts === part)) {
      const value = correction(known.at)(known.drift);
      confirmed += value * known.value;
      whole += value ** 2;
    }
  }
  return Math.min(1, Math.max(0, confirmed / whole));
}

/** What residuals of a kind tell of any shape, as far as held-out ones confirm it. */
function fieldOf(residuals: readonly Residual[]): CorrectionOf {
  const [correction, share] = [told(residuals), confirmedShare(residuals)];
  return (shape) => {
    const line = correction(shape);
    return (drift) => share * line(drift);
  };
}

function fieldsByKind(residuals: readonly Residual[]): ReadonlyMap<string, CorrectionOf> {
  const groups = [...grouped(residuals, ({ kind }) => kind)];
  return new Map(groups.map(([kind, own]) => [kind, fieldOf(own)]));
}

/** A kind that nothing was measured of. */
const AS_MODELLED = () => 0;

/**
 * What measured kernels and collectives say that a device's model misses, as logarithms of measured
 * over modelled: what all of a kind have in common, as far as it is more than they may be off
 * together, and around it, kriged over shape, SMs and clock, what is left of each; all of it only as
 * far as records that are held out confirm it.
 */
export function correctionFrom(measurements: Measurements, device: Device): Correction {
  const kernels = measurements.kernels
    .filter((record) => unfitness(record, device) === null)
    .map((record) => kernelResiduals(record, device));
  const times = fieldsByKind(kernels.flatMap(({ time }) => time));
  const energies = fieldsByKind(kernels.flatMap(({ energy }) => energy));
  const transfers = fieldsByKind(
    measurements.collectives.flatMap((record) => transferResiduals(record, device)),
  );
  const linesOf = (work: Work) => {
    const [kind, shape] = [kindOf(work), shapeOf(work)];
    return {
      time: times.get(kind)?.(shape) ?? AS_MODELLED,
      energy: energies.get(kind)?.(shape) ?? AS_MODELLED,
    };
  };
  const known = new WeakMap<Work, ReturnType<typeof linesOf>>();
  const kernel = (work: Work, freq_mhz: number): Factors => {
    const lines = known.get(work) ?? linesOf(work);
    known.set(work, lines);
    const drift = clockCoordinate(freq_mhz);
    return { time: Math.exp(lines.time(drift)), energy: Math.exp(lines.energy(drift)) };
  };
  const transfer: Correction["transfer"] = (communication, freq_mhz, sms) => {
    const field = transfers.get(transferKind(communication.kind, sms));
    const { at, drift } = communicationAt(communication, freq_mhz, sms);
    return field === undefined ? 1 : Math.exp(field(at)(drift));
  };
  return { kernel, transfer };
}
