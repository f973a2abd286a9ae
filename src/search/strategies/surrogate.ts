import { at, byDefault } from "../../base/need.js";
import type { Rng } from "../../base/rng.js";
import { spread } from "../../math/spread.js";
import { gainOver } from "../gain.js";
import { shuffled } from "../shuffle.js";
import type { Space } from "../space.js";
import { fillBatch } from "../surrogate/batch.js";
import { freshCandidates, spreadCandidates } from "../surrogate/candidates.js";
import { coordinatesOf } from "../surrogate/coordinates.js";
import type { Place, PriorMean } from "../surrogate/cost-model.js";
import { kernelOf } from "../surrogate/kernel.js";
import { costLearner } from "../surrogate/learner.js";
import { adaptiveShares, FIRST_SHARES, type Pass } from "../surrogate/passes.js";
import { frontOf, gather, type Mean } from "../surrogate/seen.js";
import type { Observation, Strategy } from "./strategy.js";

interface SurrogateOptions {
  readonly rng: Rng;
  /** P_static of one GPU. */
  readonly static_power_w: number;
  /** What a model expects of a candidate, if anything; the surrogate then learns only what the model gets wrong. */
  readonly prior?: (index: number) => PriorMean | undefined;
  /** What looks best so far; asked for once, when all that the space wants first has been. */
  readonly hopes?: () => readonly number[];
  /** How it begins; {@link UNINFORMED} unless said. */
  readonly beginning?: Beginning;
}

/** The first evaluations, which count most. */
interface Beginning {
  /** Evaluations before the first model; what the space wants first counts, but not for all. */
  readonly design: number;
  /** Evaluations of a batch, until there are `until`: each batch knows what the one before it found. */
  readonly batch: number;
  readonly until: number;
}

const UNINFORMED: Beginning = { design: 20, batch: Number.POSITIVE_INFINITY, until: 0 };
/** With a prior that a handful of evaluations fits, each further one can be chosen by it. */
export const INFORMED: Beginning = { design: 8, batch: 2, until: 64 };
/** A prior that expects something before it was told anything needs half of them. */
export const FORETOLD: Beginning = { ...INFORMED, design: 4 };

/** A model is made of this many means at most, those on the frontiers among them. */
const LEARNT = 400;
/** From this many on, a model has nothing more to tell: what is left comes in random order. */
const MODELLED = 1000;

/**
 * Bayesian optimization of both trade-offs, time against total and against dynamic energy: Gaussian
 * processes on the logarithms of time and dynamic energy, and batches filled by the passes of
 * {@link fillBatch}. A measurement that contradicts all others hardly counts in the model; if it lies
 * on a frontier, another record of its configuration is asked for before anything else.
 */
export function surrogate(space: Space, options: SurrogateOptions): Strategy {
  return new Surrogate(space, options);
}

class Surrogate implements Strategy {
  readonly #space: Space;
  readonly #options: SurrogateOptions;
  readonly #at: (index: number) => readonly number[];
  readonly #learner;
  readonly #seen;
  readonly #asked = new Set<number>();
  readonly #purposes = new Map<number, Pass>();
  readonly #firstShares = adaptiveShares(FIRST_SHARES);
  readonly #shares = adaptiveShares();
  readonly #draw: () => number | null;
  readonly #challenged = new Set<string>();
  #hopes: readonly number[] | null = null;

  constructor(space: Space, options: SurrogateOptions) {
    this.#space = space;
    this.#options = options;
    this.#at = coordinatesOf(space);
    this.#learner = costLearner(kernelOf(space.knobs), options.static_power_w);
    this.#seen = gather((index) => this.#keyOf(index));
    this.#draw = shuffled(space.size, options.rng);
  }

  ask(count: number): readonly number[] {
    const known = this.#seen.means().length;
    const { beginning = UNINFORMED } = this.#options;
    const { design } = beginning;
    const wanted = this.#space.first.length + byDefault(this.#hopes, []).length;
    const designed = Math.max(design, wanted + design / 2);
    const chosen = known < beginning.until ? Math.min(count, beginning.batch) : count;
    const batch =
      known < designed
        ? this.#design(Math.min(count, designed - known))
        : known < MODELLED
          ? this.#choose(chosen)
          : this.#leftover(count);
    for (const index of batch) this.#asked.add(index);
    return batch;
  }

  tell(observations: readonly Observation[]): void {
    const { static_power_w } = this.#options;
    const before = this.#onFront(this.#seen.means());
    for (const observation of observations) {
      this.#seen.add(observation);
      const pass = this.#purposes.get(observation.index);
      if (pass !== undefined) {
        const gain = gainOver(before, [observation], static_power_w);
        for (const shares of [this.#firstShares, this.#shares]) shares.pay(pass, gain);
      }
    }
  }

  /** What tells settings apart: records of one configuration share it. */
  #keyOf(index: number): string {
    return this.#space.features(index).join();
  }

  #place(index: number): Place {
    return { at: this.#at(index), prior: this.#options.prior?.(index) };
  }

  #onFront(means: readonly Mean[]): readonly Mean[] {
    const { static_power_w } = this.#options;
    const indices = new Set([...frontOf(means, 0), ...frontOf(means, static_power_w)]);
    return [...indices].map((i) => at(means, i));
  }

  /** For each doubted mean on a frontier, once, another record of the same configuration. */
  #challenge(means: readonly Mean[], fresh: readonly number[]): number[] {
    const found: number[] = [];
    for (const mean of this.#onFront(means)) {
      if (!this.#learner.doubts(mean) || this.#challenged.has(mean.key)) continue;
      this.#challenged.add(mean.key);
      found.push(...fresh.filter((other) => this.#keyOf(other) === mean.key).slice(0, 1));
    }
    return found;
  }

  /**
   * Before there is a model: what the space wants first; when that is known, what then looks best, since
   * others may have taught by then; then candidates far from each other.
   */
  #design(count: number): readonly number[] {
    const isFresh = (index: number) => !this.#asked.has(index);
    const first = this.#space.first.filter(isFresh).slice(0, count);
    const { rng, hopes } = this.#options;
    if (hopes !== undefined && first.length > 0) return first;
    if (hopes !== undefined && this.#hopes === null) this.#hopes = hopes();
    const wanted = [...first, ...byDefault(this.#hopes, []).filter(isFresh)].slice(0, count);
    const taken = new Set([...this.#asked, ...wanted]);
    const rest = count - wanted.length;
    return [...wanted, ...spreadCandidates(this.#space, this.#at, rng, taken, rest)];
  }

  #leftover(count: number): readonly number[] {
    const found: number[] = [];
    while (found.length < count) {
      const index = this.#draw();
      if (index === null) break;
      if (!this.#asked.has(index)) found.push(index);
    }
    return found;
  }

  /** What the model expects most of. */
  #choose(count: number): readonly number[] {
    const { rng, static_power_w } = this.#options;
    const all = this.#seen.means();
    const front = this.#onFront(all);
    const means = all.length > LEARNT ? [...new Set([...front, ...spread(all, LEARNT)])] : all;
    const good = front.map(({ index }) => index);
    const isFresh = (index: number) => !this.#asked.has(index);
    const fresh = freshCandidates(this.#space, rng, isFresh, good);
    if (fresh.length === 0) return this.#leftover(count);
    const located = means.map((mean) => ({ ...mean, ...this.#place(mean.index) }));
    const model = this.#learner.learn(located);
    const again = this.#challenge(means, fresh).slice(0, count);
    const unseen = fresh.filter((index) => !this.#seen.has(this.#keyOf(index)));
    // Records of what is known come last: they only sharpen means.
    const candidates = unseen.length > 0 ? unseen : fresh;
    const { until } = this.#options.beginning ?? UNINFORMED;
    const { next } = all.length < until ? this.#firstShares : this.#shares;
    const passes = Array.from({ length: count - again.length }, next);
    const belief = model.believe(candidates.map((index) => this.#place(index)));
    const chosen = fillBatch(belief, candidates.length, means, static_power_w, passes);
    const indices = chosen.map((c) => at(candidates, c));
    indices.forEach((index, k) => {
      this.#purposes.set(index, at(passes, k));
    });
    return [...again, ...indices.filter((index) => !again.includes(index))];
  }
}
