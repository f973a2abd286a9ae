import type { Band } from "../ir/tensor-graph.js";

/** A band in numbers: none where other places show than about the diagonal. */
export function numbersOf(band: Band | null): readonly number[] {
  if (band === null) return [];
  const { behind, ahead, slopes } = band;
  const places = [behind, ahead];
  return slopes ? [...places, slopes.diagonal, slopes.before, slopes.after] : places;
}

/** The band that these numbers stand for. */
export function bandOfNumbers(numbers: readonly number[]): Band | null {
  const [behind, ahead, diagonal, before, after] = numbers;
  if (behind === undefined || ahead === undefined) return null;
  if (diagonal === undefined || before === undefined || after === undefined)
    return { behind, ahead };
  return { behind, ahead, slopes: { diagonal, before, after } };
}
