import { at } from "../base/need.js";
import type { LearnedError } from "../cost/index.js";
import type { Evaluation } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";
import { gain, improved, type Standing, UNKNOWN } from "./allocate.js";
import { convergence } from "./converged.js";
import type { Batch } from "./evaluator.js";
import { openSearch, type Stop } from "./loop.js";
import type { ConfigurationSpace } from "./space.js";
import type { Strategy } from "./strategies/strategy.js";
import { confirmed, doubtful, settled } from "./trials.js";

/** What one partition type's search came to. */
export interface Outcome {
  readonly partition: string;
  /** Configurations that there are. */
  readonly space: number;
  /** Evaluations spent, repeated ones counted. */
  readonly evaluated: number;
  readonly stop: Stop;
}

/** By clock, SMs, slot (none first) and order (the partition's own first): how they are kept. */
export function compareEvaluations(a: Evaluation, b: Evaluation): number {
  return (
    a.freq_mhz - b.freq_mhz ||
    a.sms - b.sms ||
    compareText(a.launch_slot, b.launch_slot) ||
    compareText(orderText(a), orderText(b))
  );
}

function orderText({ order }: Evaluation): string | null {
  return order === undefined ? null : order.join();
}

/** What is null comes first. */
function compareText(a: string | null, b: string | null): number {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? -1 : 1;
  return a < b ? -1 : 1;
}

/** Evaluations per batch of a strategy. */
const BATCH = 16;

/** Waves whose gain tells what the next one is expected to gain. */
const RECENT = 2;

interface PartitionSearchOptions {
  readonly partition: PartitionType;
  readonly space: ConfigurationSpace;
  readonly strategy: Strategy;
  /** What all partitions share; null where costs are exact. */
  readonly residuals: LearnedError | null;
  readonly static_power_w: number;
  /** Runs in an iteration. */
  readonly runs: number;
}

/** The search of one partition type that takes its evaluations from elsewhere, wave by wave. */
export class PartitionSearch {
  readonly partition: PartitionType;
  readonly #options: PartitionSearchOptions;
  readonly #search;
  readonly #trials = new Map<number, [Evaluation, ...Evaluation[]]>();
  #evaluated = 0;
  #standing: Standing = UNKNOWN;
  /** Joules of an iteration that each wave saved, and what it spent. */
  readonly #waves: { readonly gain_j: number; readonly spent: number }[] = [];
  #spent = 0;
  #asked: readonly number[] = [];

  constructor(options: PartitionSearchOptions) {
    this.#options = options;
    this.partition = options.partition;
    const { strategy, residuals, static_power_w } = options;
    this.#search = openSearch(strategy, {
      budget: Number.POSITIVE_INFINITY,
      batch: BATCH,
      // Where evaluations cost nothing, they need not pay.
      ...(residuals === null ? {} : { converged: convergence(BATCH, static_power_w) }),
    });
  }

  /** Evaluations that are wanted in any case. */
  get least(): number {
    return this.#options.space.first.length;
  }

  /** Whether it goes on when there is something to spend. */
  get active(): boolean {
    return this.#search.stop === null;
  }

  /** Starts a wave: the configurations to evaluate, `most` at most, by index. */
  ask(most: number): readonly number[] {
    this.#asked = this.#search.ask(most);
    this.#spent = 0;
    return this.#asked;
  }

  /** Those configurations, to be evaluated. */
  batchOf(indices: readonly number[]): Batch {
    return { partition: this.partition, configurations: indices.map(this.#options.space.at) };
  }

  /** Takes evaluations of some configurations in; they count in the running wave. */
  hear(indices: readonly number[], evaluations: readonly Evaluation[]): void {
    for (const [i, index] of indices.entries()) {
      const evaluation = at(evaluations, i);
      const trials = this.#trials.get(index);
      if (trials === undefined) this.#trials.set(index, [evaluation]);
      else trials.push(evaluation);
    }
    this.#spent += indices.length;
    this.#evaluated += indices.length;
  }

  /** Of the running wave, what the model misses by unusually much and no second trial confirms. */
  doubts(): readonly number[] {
    const { partition, space, residuals } = this.#options;
    if (residuals === null) return [];
    const known = [...this.#trials].map(([index, trials]) => {
      return { index, trials, ...residuals.of(partition, space.at(index), settled(trials)) };
    });
    const doubted = doubtful(known);
    const asked = new Set(this.#asked);
    return known
      .filter(({ index, trials }, i) => doubted[i] && asked.has(index) && !confirmed(trials))
      .map(({ index }) => index);
  }

  /** Ends the wave: the strategy learns what its configurations cost. */
  learn(): void {
    if (this.#asked.length === 0) return;
    const { space, residuals, static_power_w, runs } = this.#options;
    const before = this.#standing;
    const told = this.#asked.map((index) => {
      const trials = this.#trials.get(index);
      if (trials === undefined) throw new Error(`${this.partition.key} was not told of ${index}`);
      const cost = settled(trials);
      const { time_s, energy_j } = cost;
      residuals?.learn(this.partition, space.at(index), cost);
      this.#standing = improved(this.#standing, { time_s, energy_j }, static_power_w);
      return { index, time_s, energy_j };
    });
    this.#waves.push({ gain_j: runs * gain(before, this.#standing), spent: this.#spent });
    this.#search.tell(told);
  }

  /** Joules of an iteration that one more evaluation is expected to save: as the last waves did. */
  get expectedGain(): number {
    const recent = this.#waves.slice(-RECENT);
    const spent = recent.reduce((sum, wave) => sum + wave.spent, 0);
    return spent === 0 ? 0 : recent.reduce((sum, wave) => sum + wave.gain_j, 0) / spent;
  }

  /** What was evaluated, sorted; repeated trials as one. */
  evaluations(): Evaluation[] {
    return [...this.#trials.values()].map((trials) => settled(trials)).sort(compareEvaluations);
  }

  /** How it ended, or that the budget is spent. */
  outcome(): Outcome {
    return {
      partition: this.partition.key,
      space: this.#options.space.size,
      evaluated: this.#evaluated,
      stop: this.#search.stop ?? "budget",
    };
  }
}
