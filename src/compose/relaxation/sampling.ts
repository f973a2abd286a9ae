/** What a relaxed solution says of each instruction. */
export interface RelaxedInstructions {
  /** When each instruction has to end for the least energy. */
  readonly end_s: Float64Array;
  /** How long each takes, but for waiting that costs nothing. */
  readonly taken_s: Float64Array;
  /** What a second of each instruction's time is worth. */
  readonly price_w: Float64Array;
}

/** The least energy at a deadline, at which every instruction may take any time between its options. */
export interface RelaxedSolution extends RelaxedInstructions {
  readonly deadline_s: number;
  /** Sum of dynamic energies. */
  readonly dynamic_j: number;
  /** What a second of the iteration is worth, dynamic energy alone. */
  readonly power_w: number;
  /** What a second of each delay in the pipeline's graph is worth, read anew each time. */
  readonly delayed_w: Float64Array;
}

/** A straight piece of the bound, which leads from a time to earlier ones. */
interface Piece {
  readonly time_s: number;
  /** At that time, static energy included. */
  readonly energy_j: number;
  /** What a second less costs. */
  readonly power_w: number;
  readonly until_s: number;
}

/** At which times a relaxation is solved, from the energy-optimal to the fastest. */
export interface Sampling {
  /** The next time on a piece; null: none there. */
  readonly next: (piece: Piece) => number | null;
  readonly keep: (solution: RelaxedSolution, energy_j: number) => void;
  /** Whether nothing earlier is asked for. */
  readonly isDone: boolean;
  /** In descending order of time. */
  readonly solutions: readonly RelaxedSolution[];
}

/** Deadlines that are given, in seconds and descending. */
export class Deadlines implements Sampling {
  readonly solutions: RelaxedSolution[] = [];
  readonly #deadlines_s: readonly number[];

  constructor(deadlines_s: readonly number[]) {
    this.#deadlines_s = deadlines_s;
  }

  get isDone(): boolean {
    return this.solutions.length === this.#deadlines_s.length;
  }

  /** Those past the energy-optimal time are met at that time. */
  next({ time_s, until_s }: Piece): number | null {
    const deadline_s = this.#deadlines_s[this.solutions.length];
    return deadline_s === undefined || deadline_s < until_s ? null : Math.min(deadline_s, time_s);
  }

  keep(solution: RelaxedSolution): void {
    this.solutions.push(solution);
  }
}

/** The first steps, as a share of the energy by how many times may be kept: too fine for nearly all. */
const FINEST = 0.03;

/**
 * Times at equal steps of the bound's energy, in proportion: close together where it bends up, so
 * that whoever has to take the next earlier of them loses the same share everywhere. How large the
 * steps are is not known before the end: where more than `most` come together, every other one is given up.
 */
export class EnergySteps implements Sampling {
  readonly isDone = false;
  solutions: RelaxedSolution[] = [];
  readonly #most: number;
  #step: number;
  /** The energy at the last time kept. */
  #last_j = Number.NaN;

  /** @param count how many are kept at least, where the bound bends at all: up to twice as many are */
  constructor(count: number) {
    this.#most = 2 * count;
    this.#step = FINEST / this.#most;
  }

  next({ time_s, energy_j, power_w, until_s }: Piece): number | null {
    const last = this.solutions.at(-1);
    if (last === undefined) return time_s;
    const rise_j = Math.max(0, this.#last_j * (1 + this.#step) - energy_j);
    const deadline_s = time_s - rise_j / power_w;
    return deadline_s >= until_s && deadline_s < last.deadline_s ? deadline_s : null;
  }

  keep(solution: RelaxedSolution, energy_j: number): void {
    this.solutions.push(solution);
    this.#last_j = energy_j;
    if (this.solutions.length <= this.#most) return;
    this.solutions = this.solutions.filter((_, k) => k % 2 === 0);
    this.#step = (1 + this.#step) ** 2 - 1;
  }
}
