import { fail } from "../../base/diagnostics/diagnostic.js";
import { tooManyOptions } from "../../base/diagnostics/plan.js";
import { at, hot, need } from "../../base/need.js";
import type { InstructionOption } from "../../ir/configuration.js";
import { optionsOf, type PipelineProblem } from "../../ir/iteration.js";
import { type SwitchTime, switchTimeTo } from "../../ir/switch-time.js";
import { type Network, type OptionSet, type Options, optionSetOf } from "../network.js";
import { shareAtOld, switchedOption } from "./switched-option.js";

/**
 * The options of an instruction, each after every clock that the stage may come from: option k after
 * clock c is number k x clocks + c. Options go by clock, those of one clock by time, and only what
 * another beats at its own clock is left out.
 */
export interface SwitchedOptions extends Options {
  /** Of each option, as an index into the network's clocks. */
  readonly clock: Int32Array;
  /** Whether each option runs nanobatched: a switch leaves the execution as it is. */
  readonly isNanobatched: Uint8Array;
  /** Where each clock's options start, and after the last clock their number. */
  readonly firstAt: Int32Array;
  /** Each clock's options alone, none where the instruction cannot run at it. */
  readonly atClock: readonly OptionSet[];
  /** The number of each option. */
  readonly numbers: ReadonlyMap<InstructionOption, number>;
}

/** A pipeline whose options say at which clock they start. */
export interface SwitchedNetwork extends Network<SwitchedOptions> {
  /** All clocks, ascending, in MHz. */
  readonly clocks_mhz: readonly number[];
}

/** More options, each after every clock, would not fit into memory beside the rest. */
const MOST_OPTIONS = 4e6;

/**
 * Lays out what every instruction costs after every clock. Fails with KRS4009 on more options and
 * clocks than can be held.
 */
export function switchedNetwork(problem: PipelineProblem, network: Network): SwitchedNetwork {
  const { static_power_w, switch_time_s } = problem;
  const lists = network.instructions.map((instruction) => optionsOf(problem, instruction));
  const distinct = [...new Set(lists)];
  const every = new Set(distinct.flatMap((list) => list.map(({ freq_mhz }) => freq_mhz)));
  const clocks_mhz = [...every].sort((a, b) => a - b);
  const atClock = distinct.map((list) => {
    const own = new Map<number, InstructionOption[]>(clocks_mhz.map((clock) => [clock, []]));
    for (const option of list) need(own, option.freq_mhz).push(option);
    return Array.from(own.values(), (options) => optionSetOf(options, static_power_w));
  });
  const options = atClock.flat().reduce((sum, at) => sum + at.options.length, 0);
  if (options * clocks_mhz.length > MOST_OPTIONS) fail(tooManyOptions(lists.length, options));
  const switched = atClock.map((own) =>
    switchedOptions(own, clocks_mhz, switch_time_s, static_power_w),
  );
  const place = new Map(distinct.map((list, k) => [list, k] as const));
  const sets = lists.map((list) => at(switched, need(place, list)));
  return { ...network, sets, clocks_mhz };
}

function switchedOptions(
  atClock: readonly OptionSet[],
  clocks_mhz: readonly number[],
  switch_time_s: SwitchTime,
  static_power_w: number,
): SwitchedOptions {
  const plain = atClock.flatMap(({ options }) => options);
  const clock = Int32Array.from(atClock.flatMap(({ options }, c) => options.map(() => c)));
  const firstAt = new Int32Array(clocks_mhz.length + 1);
  atClock.forEach(({ options }, c) => {
    firstAt[c + 1] = at(firstAt, c) + options.length;
  });
  const olds = clocks_mhz.map((from_mhz) =>
    oldByExecution(nearestTo(from_mhz, clocks_mhz, atClock)),
  );
  const clocks = clocks_mhz.length;
  const oldOf = ({ execution, freq_mhz }: InstructionOption, from: number) =>
    freq_mhz === clocks_mhz[from] ? null : hot(olds, from)[execution];
  const made = (k: number): InstructionOption => {
    const option = at(plain, Math.floor(k / clocks));
    const old = oldOf(option, k % clocks);
    return old === null
      ? option
      : switchedOption(option, old, at(clocks_mhz, k % clocks), switch_time_s);
  };
  const time_s = new Float64Array(plain.length * clocks);
  const dynamic_j = new Float64Array(time_s.length);
  plain.forEach((option, p) => {
    const change_s = switchTimeTo(switch_time_s, option.freq_mhz);
    for (let from = 0; from < clocks; from++) {
      const old = oldOf(option, from);
      const share = old === null ? 0 : shareAtOld(old, change_s);
      const { time_s: old_s, energy_j: old_j } = old ?? option;
      const taken_s = share * old_s + (1 - share) * option.time_s;
      const energy_j = share * old_j + (1 - share) * option.energy_j;
      time_s[p * clocks + from] = taken_s;
      dynamic_j[p * clocks + from] = energy_j - static_power_w * taken_s;
    }
  });
  const numbers = new Map(plain.map((option, k) => [option, k] as const));
  const isNanobatched = Uint8Array.from(plain, ({ execution }) =>
    Number(execution === "nanobatched"),
  );
  const option = kept(made);
  return { option, time_s, dynamic_j, clock, isNanobatched, firstAt, atClock, numbers };
}

type ByExecution = Record<InstructionOption["execution"], InstructionOption>;

/** How an instruction runs on at an old clock: its fastest option there, of its own execution if there is one. */
function oldByExecution(there: readonly InstructionOption[]): ByExecution {
  const fastest = at(there, 0);
  const of = (own: InstructionOption["execution"]) =>
    there.find(({ execution }) => execution === own) ?? fastest;
  return { sequential: of("sequential"), nanobatched: of("nanobatched") };
}

/** Options are many and few of them chosen: those that are asked for are made, each once. */
function kept(made: (k: number) => InstructionOption): SwitchedOptions["option"] {
  const known = new Map<number, InstructionOption>();
  return (k) => {
    const option = known.get(k) ?? made(k);
    known.set(k, option);
    return option;
  };
}

/** The options at a clock, or at the nearest that has some, the lower of two; fastest first. */
function nearestTo(
  from_mhz: number,
  clocks_mhz: readonly number[],
  atClock: readonly OptionSet[],
): readonly InstructionOption[] {
  let nearest: readonly InstructionOption[] = [];
  let least_mhz = Number.POSITIVE_INFINITY;
  clocks_mhz.forEach((clock, c) => {
    const distance_mhz = Math.abs(clock - from_mhz);
    const own = at(atClock, c).options;
    if (own.length === 0 || distance_mhz >= least_mhz) return;
    least_mhz = distance_mhz;
    nearest = own;
  });
  return nearest;
}
