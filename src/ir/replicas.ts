/** The ranks that hold the same parameters: they sum gradients and may share optimizer states. */
export interface Replicas {
  readonly name: string;
  readonly ranks: number;
}

/**
 * Who shares parameters. Data- and context-parallel ranks hold the same ones; expert-parallel ranks,
 * each with its own tokens, hold the same but for their experts.
 */
export function replicasOf(degrees: {
  readonly dp: number;
  readonly cp: number;
  readonly ep: number;
}): { readonly dense: Replicas; readonly experts: Replicas } {
  const over = (kinds: readonly ("dp" | "cp" | "ep")[]): Replicas => ({
    name: kinds.filter((kind) => degrees[kind] > 1).join("-") || "dp",
    ranks: kinds.reduce((product, kind) => product * degrees[kind], 1),
  });
  return { dense: over(["dp", "cp", "ep"]), experts: over(["dp", "cp"]) };
}
