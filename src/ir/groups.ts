/**
 * The groups in which ranks communicate. Ranks are numbered in this order, the first fastest, as
 * Megatron-LM places them.
 */
export const GROUPS = ["tp", "cp", "ep", "dp"] as const;
export type Group = (typeof GROUPS)[number];

/** How many ranks of each kind a replica, or all replicas, have. */
type Degrees = Readonly<Record<Group, number>>;

/** Ranks that hold the same parameters: they sum gradients and may share optimizer states. */
interface Replicas {
  readonly kinds: readonly Group[];
  readonly name: string;
  readonly ranks: number;
}

/**
 * Who shares parameters. Data- and context-parallel ranks hold the same ones; expert-parallel ranks,
 * each with its own tokens, hold the same but for their experts.
 */
export function replicasOf(degrees: Omit<Degrees, "tp">): {
  readonly dense: Replicas;
  readonly experts: Replicas;
} {
  const over = (kinds: readonly ("dp" | "cp" | "ep")[]): Replicas => ({
    kinds,
    name: kinds.filter((kind) => degrees[kind] > 1).join("-") || "dp",
    ranks: kinds.reduce((product, kind) => product * degrees[kind], 1),
  });
  return { dense: over(["dp", "cp", "ep"]), experts: over(["dp", "cp"]) };
}

/** How many ranks of one group share a node, when nodes of `gpus_per_node` are filled in order. */
export function ranksPerNode(
  kinds: readonly Group[],
  degrees: Degrees,
  gpus_per_node: number,
): number {
  const others = (gpu: number): boolean => {
    let rest = gpu;
    return GROUPS.every((kind) => {
      const rank = rest % degrees[kind];
      rest = Math.floor(rest / degrees[kind]);
      return rank === 0 || kinds.includes(kind);
    });
  };
  const all = GROUPS.reduce((product, kind) => product * degrees[kind], 1);
  const node = Array.from({ length: Math.min(gpus_per_node, all) }, (_, gpu) => gpu);
  return node.filter(others).length;
}
