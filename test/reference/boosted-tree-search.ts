import type { Rng } from "../../src/base/rng.js";
import { expectedImprovement } from "../../src/math/expected-hypervolume.js";
import { deviation } from "../../src/math/mean.js";
import { shuffled } from "../../src/search/shuffle.js";
import type { Space } from "../../src/search/space.js";
import type { Observation, Strategy } from "../../src/search/strategies/strategy.js";
import { boostedTrees } from "./boosted-trees.js";

interface Options {
  readonly rng: Rng;
  readonly static_power_w: number;
  /** Random candidates before the first model. */
  readonly initial: number;
  /** What a second is in labels of time: 1 as the reference does, 1000 repairs it. */
  readonly time_labels_per_s: number;
}

/** Bootstrap members and the share of the observations that each sees. */
const MEMBERS = 5;
const SAMPLED = 0.8;
const CORNER = 1.1;

interface Prediction {
  readonly time_s: number;
  readonly dynamic_j: number;
  /** Deviations among the members added up, joules to seconds as the reference does. */
  readonly uncertainty: number;
}

/**
 * The search of Kareus (arXiv 2601.17654), kept for comparison: boosted trees on time and dynamic
 * energy, each batch filled by four passes with predictions taken for true: hypervolume improvement
 * on total energy 40%, on dynamic energy 20%, lowest time 20%, highest uncertainty 20%.
 */
export function boostedTreeSearch(space: Space, options: Options): Strategy {
  const { rng, static_power_w, initial, time_labels_per_s } = options;
  const draw = shuffled(space.size, rng);
  const seen: Observation[] = [];
  const asked = new Set<number>();

  const train = (some: readonly Observation[]) => {
    const rows = some.map(({ index }) => space.features(index));
    const time = boostedTrees(
      rows,
      some.map(({ time_s }) => time_s * time_labels_per_s),
    );
    const energy = boostedTrees(
      rows,
      some.map(({ time_s, energy_j }) => energy_j - static_power_w * time_s),
    );
    return (row: readonly number[]) => [time(row) / time_labels_per_s, energy(row)] as const;
  };

  const predict = (candidates: readonly number[]): Prediction[] => {
    const whole = train(seen);
    const members = Array.from({ length: MEMBERS }, () => {
      const count = Math.max(1, Math.floor(SAMPLED * seen.length));
      return train(
        Array.from({ length: count }, () => seen[rng.integer(seen.length)] as Observation),
      );
    });
    return candidates.map((index) => {
      const row = space.features(index);
      const [time_s, dynamic_j] = whole(row);
      const guesses = members.map((member) => member(row));
      const uncertainty =
        deviation(guesses.map(([time]) => time * time_labels_per_s)) +
        deviation(guesses.map(([, energy]) => energy));
      return { time_s, dynamic_j, uncertainty };
    });
  };

  const improvement = (static_w: number) => {
    const x = seen.map(({ time_s }) => time_s);
    const y = seen.map(({ time_s, energy_j }) => energy_j - (static_power_w - static_w) * time_s);
    const reference = { x: CORNER * Math.max(...x), y: CORNER * Math.max(...y) };
    const of = expectedImprovement(x, y, reference);
    return ({ time_s, dynamic_j }: Prediction) =>
      of({ x: time_s, y: dynamic_j + static_w * time_s, deviation_x: 0, deviation_y: 0 });
  };

  const passes = (count: number): number[] => {
    const candidates: number[] = [];
    for (let index = 0; index < space.size; index++) if (!asked.has(index)) candidates.push(index);
    const predictions = predict(candidates);
    const chosen = new Set<number>();
    const take = (share: number, score: (prediction: Prediction) => number) => {
      const until = Math.min(candidates.length, count, chosen.size + Math.round(share * count));
      const scores = predictions.map(score);
      const order = candidates.map((_, c) => c);
      order.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
      for (const c of order) {
        if (chosen.size >= until) break;
        chosen.add(c);
      }
    };
    take(0.4, improvement(static_power_w));
    take(0.2, improvement(0));
    take(0.2, ({ time_s }) => -time_s);
    take(1, ({ uncertainty }) => uncertainty);
    return [...chosen].map((c) => candidates[c] as number);
  };

  const randomly = (count: number): number[] => {
    const drawn: number[] = [];
    while (drawn.length < count) {
      const index = draw();
      if (index === null) break;
      drawn.push(index);
    }
    return drawn;
  };

  const ask = (count: number): readonly number[] => {
    const batch =
      seen.length < initial ? randomly(Math.min(count, initial - seen.length)) : passes(count);
    for (const index of batch) asked.add(index);
    return batch;
  };
  return { ask, tell: (observations) => void seen.push(...observations) };
}
