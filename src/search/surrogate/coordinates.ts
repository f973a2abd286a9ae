import { at } from "../../base/need.js";
import type { Knob, Space } from "../space.js";

/** Scales run from 0 to 1, by ratio where they are positive; choices stay as numbered. */
function coordinate(knob: Knob): (value: number) => number {
  if (knob.kind === "choice") return (value) => value;
  const { least, most } = knob;
  if (least === most) return () => 0;
  if (least < 0) return (value) => (value - least) / (most - least);
  const warp = (value: number) => Math.log(least > 0 ? value : 1 + value);
  const [low, high] = [warp(least), warp(most)];
  return (value) => (warp(value) - low) / (high - low);
}

/** Where candidates lie for a surrogate, by index. */
export function coordinatesOf(space: Space): (index: number) => readonly number[] {
  const warps = space.knobs.map(coordinate);
  return (index) => space.features(index).map((value, k) => at(warps, k)(value));
}
