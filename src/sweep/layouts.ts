import type { Recompute } from "../ir/choices.js";

/** What is tried of each setting; null: what other settings leave. */
export interface SweepLists {
  readonly bind: ReadonlyMap<string, readonly number[]>;
  readonly tp: readonly number[];
  readonly cp: readonly number[];
  readonly ep: readonly number[];
  readonly pp: readonly number[];
  readonly dp: readonly number[] | null;
  readonly microbatches: readonly number[] | null;
  readonly recompute: readonly Recompute[];
  /** Null: the board's. */
  readonly power_limit_w: readonly (number | null)[];
}

/** What all replicas together must have; null: anything. */
export interface Wanted {
  readonly gpus: number | null;
  readonly global_batch: number | null;
  /** The symbol that counts samples. */
  readonly batch: string;
}

/** One value of every list. */
export interface Combination {
  readonly bind: ReadonlyMap<string, number>;
  readonly tp: number;
  readonly cp: number;
  readonly ep: number;
  readonly pp: number;
  readonly dp: number;
  readonly microbatches: number;
  readonly recompute: Recompute;
  readonly power_limit_w: number | null;
}

/** How many combinations the lists have. */
export function countOf(lists: SweepLists): number {
  const { bind, dp, microbatches, ...others } = lists;
  const all = [...bind.values(), ...Object.values(others), dp ?? [1], microbatches ?? [1]];
  return all.reduce((product, list) => product * list.length, 1);
}

/**
 * Every combination of the lists that has the GPUs and the global batch that are wanted, the last list running
 * fastest. Replicas that are not told are what the GPUs leave, or 1; microbatches what the global batch leaves,
 * or 4 a stage.
 */
export function combinations(lists: SweepLists, wanted: Wanted): Combination[] {
  const { tp, cp, ep, pp, recompute, power_limit_w } = lists;
  const bound = bindings(lists.bind);
  return product(bound, tp, cp, ep, pp).flatMap(([bind, tp_1, cp_1, ep_1, pp_1]) => {
    const replica = tp_1 * cp_1 * ep_1 * pp_1;
    const samples = bind.get(wanted.batch);
    if (samples === undefined) return [];
    const left = wanted.gpus === null ? 1 : wanted.gpus / replica;
    const replicas = lists.dp ?? [left];
    return replicas.flatMap((dp): Combination[] => {
      const gpus = replica * dp;
      if (dp < 1 || !Number.isInteger(dp) || (wanted.gpus ?? gpus) !== gpus) return [];
      const whole = wanted.global_batch;
      const counts = lists.microbatches ?? [whole === null ? 4 * pp_1 : whole / (samples * dp)];
      const fitting = counts.filter(
        (n) => n >= 1 && Number.isInteger(n) && (whole ?? n * samples * dp) === n * samples * dp,
      );
      return product(fitting, recompute, power_limit_w).map(([microbatches, again, limit_w]) => ({
        ...{ bind, tp: tp_1, cp: cp_1, ep: ep_1, pp: pp_1, dp, microbatches },
        recompute: again,
        power_limit_w: limit_w,
      }));
    });
  });
}

/** All ways to take one of each list, the last running fastest. */
function product<Lists extends readonly (readonly unknown[])[]>(
  ...lists: Lists
): { -readonly [K in keyof Lists]: Lists[K][number] }[] {
  type Tuple = { -readonly [K in keyof Lists]: Lists[K][number] };
  return lists.reduce<unknown[][]>(
    (all, list) => all.flatMap((own) => list.map((value) => [...own, value])),
    [[]],
  ) as Tuple[];
}

function bindings(lists: SweepLists["bind"]): ReadonlyMap<string, number>[] {
  return [...lists].reduce<ReadonlyMap<string, number>[]>(
    (all, [name, values]) =>
      all.flatMap((own) => values.map((value) => new Map([...own, [name, value]]))),
    [new Map()],
  );
}
