import type { Communication } from "../../ir/partition.js";
import type { Work } from "../../ir/work.js";

/** What a modelled time and dynamic energy are to be multiplied by. */
export interface Factors {
  readonly time: number;
  readonly energy: number;
}

/** What measurements of kernels and collectives say that the model misses. */
export interface Correction {
  readonly kernel: (work: Work, freq_mhz: number) => Factors;
  /** Of a collective's transfer time, beside nothing. */
  readonly transfer: (communication: Communication, freq_mhz: number, sms: number) => number;
}

const AS_MODELLED: Factors = { time: 1, energy: 1 };

/** The model as it is. */
export const UNCORRECTED: Correction = { kernel: () => AS_MODELLED, transfer: () => 1 };
