import { grouped } from "../../base/grouped.js";
import type { Device } from "../../gpu/device-schema.js";
import type { Work } from "../../ir/work.js";
import { krigingAround } from "../../math/kriging.js";
import { beyond, levelOf } from "../../math/level.js";
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

/**
 * What residuals of a kind have in common and what is left of each near it, as far as it is more than
 * they may be off all alike.
 */
function fieldOf(residuals: readonly Residual[]): CorrectionOf {
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

function fieldsByKind(residuals: readonly Residual[]): ReadonlyMap<string, CorrectionOf> {
  const groups = [...grouped(residuals, ({ kind }) => kind)];
  return new Map(groups.map(([kind, own]) => [kind, fieldOf(own)]));
}

/** A kind that nothing was measured of. */
const AS_MODELLED = () => 0;

/**
 * What measured kernels and collectives say that a device's model misses, as logarithms of measured
 * over modelled: what all of a kind have in common, as far as it is more than they may be off
 * together, and around it, kriged over shape, SMs and clock, what is left of each.
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
