import {
  crossEntropy,
  crossEntropyGradient,
  layerNormGradient,
  rmsNorm,
  rmsNormGradient,
  rotary,
  rotaryGradient,
  swiglu,
  swigluGradient,
  tanhGelu,
  tanhGeluGradient,
} from "../../passes/kernels/pieces.js";

/** Narrower than float32, so that conversions are among the pieces. */
const EXTENT = { elements: 8, rows: 2, dtype: "bfloat16" } as const;
const WRITTEN = [
  ...[crossEntropy, crossEntropyGradient, layerNormGradient, rmsNorm, rmsNormGradient],
  ...[rotary, rotaryGradient, swiglu, swigluGradient, tanhGelu, tanhGeluGradient],
];
const PIECES = WRITTEN.flatMap((pieces) => pieces(EXTENT).map(({ name }) => name));
const DERIVED = ["dgrad", "wgrad", "recompute", "grad_sum", "all_reduce", "accumulate"];
const SUFFIXES = new Set([...DERIVED, ...PIECES]);

/**
 * What a plan's name refers to. The rule: the longest prefix that is a node or tensor of the graph,
 * followed by what is derived from it, `/` before each: a direction (`dgrad`, `wgrad`, `recompute`),
 * a sum (`grad_sum`, `accumulate`, `all_reduce`), a piece of an operator that runs as several
 * kernels; `#2` and so on tells equal ones apart. Null where the rest is something else.
 */
export function originalName(name: string, names: ReadonlySet<string>): string | null {
  for (let end = name.length; end > 0; end = name.lastIndexOf("/", end - 1)) {
    const prefix = name.slice(0, end);
    if (!names.has(prefix)) continue;
    const derived = name.slice(end).split("/").slice(1);
    return derived.every((each) => SUFFIXES.has(each.replace(/#\d+$/, ""))) ? prefix : null;
  }
  return null;
}
