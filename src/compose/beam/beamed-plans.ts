import { LARGE, type Network, type OptionSet } from "../network.js";
import type { RelaxedSolution } from "../relaxation/sampling.js";
import { Beam } from "./beam.js";

/** A pipeline is not small with more options of an instruction. */
const MOST_OPTIONS = 256;

/** One search for so many deadlines, for each of few, and no more than these. */
const DEADLINES_PER_SEARCH = 8;
const FEW = 32;
const MOST_SEARCHES = 128;

/**
 * At least and at most so many partial plans go on, one for so many of the instructions of all deadlines: whoever
 * asks for more looks closer.
 */
const NARROW = 64;
const WIDE = 320;
const INSTRUCTIONS_PER_WIDTH = 640;

/** At a cut so many partial plans from each end are joined. */
const JOINED = 32;

/** Whether a pipeline is small enough for beam search. */
export function isSmall({ sets }: Network): boolean {
  const isLong = ({ time_s }: OptionSet) => time_s.length > MOST_OPTIONS;
  return sets.length <= LARGE && !sets.some(isLong);
}

/** Plans for ascending deadlines, see {@link Beam}; null: none was found. None for a pipeline that is not small. */
export function beamedPlans(
  network: Network,
  relaxed: readonly RelaxedSolution[],
): readonly (Int32Array | null)[] {
  if (!isSmall(network)) return relaxed.map(() => null);
  const wanted = (relaxed.length * network.sets.length) / INSTRUCTIONS_PER_WIDTH;
  const width = Math.min(WIDE, Math.max(NARROW, Math.ceil(wanted)));
  const enough = Math.max(FEW, Math.ceil(relaxed.length / DEADLINES_PER_SEARCH));
  const searches = Math.min(MOST_SEARCHES, enough);
  return new Beam(network, width, JOINED).plans(relaxed, searches);
}
