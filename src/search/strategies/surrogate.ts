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
import { adaptiveShares, type Pass } from "../surrogate/passes.js";
import { frontOf, gather, type Mean } from "../surrogate/seen.js";
import type { Observation, Strategy } from "./strategy.js";

interface SurrogateOptions {
  readonly rng: Rng;
  /** P_static of one GPU. */
  readonly static_power_w: number;
  /** What a model expects of a candidate; the surrogate then learns only what the model gets wrong. */
  readonly prior?: (index: number) => PriorMean;
}

/** Evaluations before the first model; what the space wants first counts, but not for all. */
const INITIAL = 20;

/** A model is made of so many means at most, those on the frontiers among them. */
const LEARNT = 400;
/** From so many on, a model has nothing more to tell: what is left comes in random order. */
const MODELLED = 1000;

/**
 * Bayesian optimization of both trade-offs, time against total and against dynamic energy: Gaussian
 * processes on the logarithms of time and dynamic energy, and batches filled by the passes of
 * {@link fillBatch}. A measurement that contradicts all others hardly counts in the model; if it lies
 * on a frontier, another record of its configuration is asked for before anything else.
 */
export function surrogate(space: Space, options: SurrogateOptions): Strategy {
  const { rng, static_power_w, prior } = options;
  const at = coordinatesOf(space);
  const learner = costLearner(kernelOf(space.knobs), static_power_w);
  const keyOf = (index: number) => space.features(index).join();
  const seen = gather(keyOf);
  const asked = new Set<number>();
  const purposes = new Map<number, Pass>();
  const shares = adaptiveShares();
  const draw = shuffled(space.size, rng);
  const challenged = new Set<string>();

  const place = (index: number): Place => ({ at: at(index), prior: prior?.(index) });

  const onFront = (means: readonly Mean[]): readonly Mean[] => {
    const indices = new Set([...frontOf(means, 0), ...frontOf(means, static_power_w)]);
    return [...indices].map((i) => means[i] as Mean);
  };

  /** For each doubted mean on a frontier, once, another record of the same configuration. */
  const challenge = (means: readonly Mean[], fresh: readonly number[]): number[] => {
    const found: number[] = [];
    for (const mean of onFront(means)) {
      if (!learner.doubts(mean) || challenged.has(mean.key)) continue;
      challenged.add(mean.key);
      found.push(...fresh.filter((other) => keyOf(other) === mean.key).slice(0, 1));
    }
    return found;
  };

  const design = (count: number): readonly number[] => {
    const first = space.first.filter((index) => !asked.has(index)).slice(0, count);
    const taken = new Set([...asked, ...first]);
    return [...first, ...spreadCandidates(space, at, rng, taken, count - first.length)];
  };

  const leftover = (count: number): readonly number[] => {
    const found: number[] = [];
    while (found.length < count) {
      const index = draw();
      if (index === null) break;
      if (!asked.has(index)) found.push(index);
    }
    return found;
  };

  const choose = (count: number): readonly number[] => {
    const all = seen.means();
    const front = onFront(all);
    const means = all.length > LEARNT ? [...new Set([...front, ...spread(all, LEARNT)])] : all;
    const good = front.map(({ index }) => index);
    const fresh = freshCandidates(space, rng, (index) => !asked.has(index), good);
    if (fresh.length === 0) return leftover(count);
    const model = learner.learn(means.map((mean) => ({ ...mean, ...place(mean.index) })));
    const again = challenge(means, fresh).slice(0, count);
    const unseen = fresh.filter((index) => !seen.has(keyOf(index)));
    // Records of what is known come last: they only sharpen means.
    const candidates = unseen.length > 0 ? unseen : fresh;
    const passes = Array.from({ length: count - again.length }, shares.next);
    const belief = model.believe(candidates.map(place));
    const chosen = fillBatch(belief, candidates.length, means, static_power_w, passes);
    const indices = chosen.map((c) => candidates[c] as number);
    indices.forEach((index, k) => {
      purposes.set(index, passes[k] as Pass);
    });
    return [...again, ...indices.filter((index) => !again.includes(index))];
  };

  const ask = (count: number): readonly number[] => {
    const known = seen.means().length;
    const until = Math.max(INITIAL, space.first.length + INITIAL / 2);
    const batch =
      known < until
        ? design(Math.min(count, until - known))
        : known < MODELLED
          ? choose(count)
          : leftover(count);
    for (const index of batch) asked.add(index);
    return batch;
  };

  const tell = (observations: readonly Observation[]) => {
    const before = onFront(seen.means());
    for (const observation of observations) {
      seen.add(observation);
      const pass = purposes.get(observation.index);
      if (pass !== undefined) shares.pay(pass, gainOver(before, [observation], static_power_w));
    }
  };
  return { ask, tell };
}
