import { at } from "../../base/need.js";
import { type Belief, fitBelieved, type Take } from "../../math/believed.js";
import { type TypicalPartition, type TypicalSetting, typicalCost } from "./model.js";

/** A measured setting. */
export interface Measured extends TypicalSetting {
  readonly time_s: number;
  readonly energy_j: number;
}

/** What is the same for all settings of a partition. */
export interface Frame {
  readonly slots: number;
  readonly highest_mhz: number;
  readonly static_power_w: number;
}

/**
 * Times in units of the fastest run that was measured, energies in units of the median. Compute is
 * bound by the clock but for its memory traffic; switching energy goes as clock times voltage squared
 * over the upper half of a board's clocks; links follow the clock of the L2 (see CLOCK_POWER of
 * src/cost/evidence/sequence).
 */
const BELIEFS = {
  compute: { typical: 0.8, spread: 1 },
  bound: { typical: 0.8, spread: 0.2 },
  block: { typical: 5, spread: 1.5 },
  link: { typical: 0.4, spread: 1.5 },
  link_power: { typical: 0.5, spread: 0.3 },
  taken: { typical: 1, spread: 0.5 },
  contention: { typical: 0.05, spread: 0.7 },
  switched: { typical: 0.6, spread: 0.7 },
  switched_power: { typical: 2.3, spread: 0.2 },
  moved: { typical: 0.05, spread: 1 },
  rest: { typical: 1.2, spread: 0.15 },
  busy: { typical: 0.2, spread: 0.7 },
  sending: { typical: 0.2, spread: 0.7 },
} satisfies Record<string, Belief>;

/** Odds of the share of compute before a slot. */
const ODDS = 1.5;

/** Errors that the model leaves, relative. */
const RESIDUAL = 0.015;
const ITERATIONS = 40;
const ENOUGH = 1e-3;
/** Where the fit starts: communication may be much faster or slower than is typical. */
const STARTS = [-1, 0, 1];
/** With so many measurements the fit of the fewer before them is near enough to start from. */
const FOLLOWED = 20;

function partitionOf(unit_s: number, unit_j: number, frame: Frame, take: Take): TypicalPartition {
  const numbers = {
    compute_s: unit_s * take(BELIEFS.compute),
    bound: Math.min(1, take(BELIEFS.bound)),
    block_s: unit_s * take(BELIEFS.block),
    link_s: unit_s * take(BELIEFS.link),
    link_power: take(BELIEFS.link_power),
    taken: take(BELIEFS.taken),
    contention: take(BELIEFS.contention),
    switched_j: unit_j * take(BELIEFS.switched),
    switched_power: take(BELIEFS.switched_power),
    moved_j: unit_j * take(BELIEFS.moved),
    rest_w: frame.static_power_w * take(BELIEFS.rest),
    busy_w: frame.static_power_w * take(BELIEFS.busy),
    sending_w: frame.static_power_w * take(BELIEFS.sending),
  };
  const before = Array.from({ length: frame.slots }, (_, slot) => {
    const share = (slot + 0.5) / (frame.slots + 0.5);
    const odds = take({ typical: share / (1 - share), spread: ODDS });
    return odds / (1 + odds);
  });
  return { ...numbers, before };
}

/** What is typical, for want of measurements. */
export function typicalPartition(frame: Frame): TypicalPartition {
  return partitionOf(1, 3 * frame.static_power_w, frame, ({ typical }) => typical);
}

/**
 * Fits the partition of least squared relative errors in time and energy, near what is typical, to
 * what was measured so far; of many measurements from where the fit of the fewer before them ended.
 */
export function typicalFit(frame: Frame): (measured: readonly Measured[]) => TypicalPartition {
  let last: readonly number[] | null = null;
  return (measured) => {
    const unit_s = Math.min(...measured.map(({ time_s }) => time_s));
    const energies = measured.map(({ energy_j }) => energy_j).sort((a, b) => a - b);
    const unit_j = at(energies, Math.floor(energies.length / 2));
    const { model, logs } = fitBelieved({
      make: (take) => partitionOf(unit_s, unit_j, frame, take),
      errors: (made) =>
        measured.flatMap((run) => {
          const { time_s, energy_j } = typicalCost(made, run, frame.highest_mhz);
          const errors = [Math.log(time_s / run.time_s), Math.log(energy_j / run.energy_j)];
          return errors.map((error) => error / RESIDUAL);
        }),
      ...{ searched: BELIEFS.block, starts: STARTS },
      from: measured.length < FOLLOWED ? null : last,
      ...{ iterations: ITERATIONS, enough: ENOUGH },
    });
    last = logs;
    return model;
  };
}
