import { at, need } from "../base/need.js";
import { mean } from "../math/mean.js";

/** How loads of experts are spread over ranks. */
export interface ExpertLayout {
  readonly ep: number;
  /** Copies beside the first of every expert; experts and copies divide by the ranks. */
  readonly copies: number;
  /** Tokens that an expert takes at most, over the mean of all experts; null: all that it is sent. */
  readonly capacity: number | null;
}

/** Where the experts of one layer lie, and what that comes to. */
export interface ExpertPlacement {
  readonly placement: "in order" | "by load" | "by load, copied";
  /** Tokens of the busiest rank over the mean of ranks, on average over layers: what `--expert-load` takes. */
  readonly expert_load: number;
  /** No placement of as many copies has less. */
  readonly bound: number;
  /** Share of tokens above the capacity, which are dropped. */
  readonly dropped: number;
  /** By layer and rank, the experts that it holds, by their index. */
  readonly experts: number[][][];
}

/** A copy of an expert with its part of the expert's tokens. */
interface Copy {
  readonly expert: number;
  readonly load: number;
}

/**
 * The loads of the busiest rank when experts lie in their order, when the heaviest is always put on the
 * lightest rank that has room (Graham's LPT), and when hot experts are copied before, each copy to the expert
 * with the most tokens for each of its copies (as DeepSeek's EPLB does). Every rank holds as many.
 * @param layers tokens by layer and expert, above zero together; experts divide by the ranks
 */
export function expertPlacements(
  layers: readonly (readonly number[])[],
  { ep, copies, capacity }: ExpertLayout,
): ExpertPlacement[] {
  const capped = layers.map((loads) => {
    const most = capacity === null ? Number.POSITIVE_INFINITY : capacity * mean(loads);
    return loads.map((load) => Math.min(load, most));
  });
  const dropped = 1 - mean(capped.map(sum)) / mean(layers.map(sum));
  const once = capped.map((loads) => copied(loads, 0));
  const more = copies === 0 ? null : capped.map((loads) => copied(loads, copies));
  const of = (
    placement: ExpertPlacement["placement"],
    all: readonly Copy[][][],
    own: readonly Copy[][],
  ) => ({
    ...{ placement, dropped },
    expert_load: mean(all.map((ranks) => busiest(ranks, ep))),
    bound: mean(own.map((list) => boundOf(list, ep))),
    experts: all.map((ranks) => ranks.map((rank) => rank.map(({ expert }) => expert))),
  });
  return [
    of(
      "in order",
      once.map((list) => inOrder(list, ep)),
      once,
    ),
    of(
      "by load",
      once.map((list) => byLoad(list, ep)),
      once,
    ),
    ...(more === null
      ? []
      : [
          of(
            "by load, copied",
            more.map((list) => byLoad(list, ep)),
            more,
          ),
        ]),
  ];
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const loadOf = (rank: readonly Copy[]) => sum(rank.map(({ load }) => load));

function busiest(ranks: readonly (readonly Copy[])[], ep: number): number {
  const loads = ranks.map(loadOf);
  return Math.max(...loads) / (sum(loads) / ep);
}

/** The busiest rank has the mean at least, and one whole copy. */
function boundOf(list: readonly Copy[], ep: number): number {
  return Math.max(1, Math.max(...list.map(({ load }) => load)) / (loadOf(list) / ep));
}

/** Every expert, those with the most tokens for each copy several times. */
function copied(loads: readonly number[], more: number): Copy[] {
  const counts = loads.map(() => 1);
  const share = (expert: number) => at(loads, expert) / at(counts, expert);
  for (let copy = 0; copy < more; copy++) {
    const hottest = counts.reduce(
      (best, _, expert) => (share(expert) > share(best) ? expert : best),
      0,
    );
    counts[hottest] = at(counts, hottest) + 1;
  }
  return loads.flatMap((_, expert) =>
    Array.from({ length: at(counts, expert) }, () => ({ expert, load: share(expert) })),
  );
}

function inOrder(list: readonly Copy[], ep: number): Copy[][] {
  const each = list.length / ep;
  return Array.from({ length: ep }, (_, rank) => list.slice(rank * each, (rank + 1) * each));
}

function byLoad(list: readonly Copy[], ep: number): Copy[][] {
  const ranks = Array.from({ length: ep }, (): Copy[] => []);
  const loads = new Map(ranks.map((rank) => [rank, 0]));
  for (const copy of list.toSorted((a, b) => b.load - a.load || a.expert - b.expert)) {
    const open = ranks.filter((rank) => rank.length < list.length / ep);
    const lightest = open.reduce((best, rank) =>
      need(loads, rank) < need(loads, best) ? rank : best,
    );
    lightest.push(copy);
    loads.set(lightest, need(loads, lightest) + copy.load);
  }
  return ranks;
}
