import type { Band } from "../ir/tensor-graph.js";
import type { onnx } from "./proto/generated/onnx.js";
import { words } from "./wire.js";

/** Where kareus's exporter notes what squares show that it leaves out. */
const KEY = "kareus.band";

/** A band in numbers: none where other places show than about the diagonal. */
export function numbersOf(band: Band | null): readonly number[] {
  if (band === null) return [];
  const { behind, ahead, hides_more, slopes } = band;
  const places = [behind, ahead];
  if (hides_more) return [...places, 1];
  return slopes ? [...places, slopes.diagonal, slopes.before, slopes.after] : places;
}

/** The band that these numbers stand for. */
export function bandOfNumbers(numbers: readonly number[]): Band | null {
  const [behind, ahead, diagonal, before, after] = numbers;
  if (behind === undefined || ahead === undefined) return null;
  if (diagonal === undefined) return { behind, ahead };
  if (before === undefined || after === undefined) return { behind, ahead, hides_more: true };
  return { behind, ahead, slopes: { diagonal, before, after } };
}

/** The band that the exporter notes of a tensor of squares; undefined where it notes none that there can be. */
export function notedBand(
  notes: readonly onnx.StringStringEntryProto.$Properties[],
  shape: readonly number[],
): Band | null | undefined {
  const note = notes.find(({ key }) => key === KEY);
  if (note === undefined) return undefined;
  const numbers = words(note.value)
    .split(" ")
    .filter((each) => each !== "")
    .map(Number);
  if (![0, 2, 3, 5].includes(numbers.length) || !numbers.every(Number.isSafeInteger))
    return undefined;
  if (numbers.length === 3 && numbers[2] !== 1) return undefined;
  const band = bandOfNumbers(numbers);
  const [rows = 1] = shape.slice(-1);
  const isPlace = (places: number) => places >= 0 && places < rows;
  return band === null || (isPlace(band.behind) && isPlace(band.ahead)) ? band : undefined;
}
