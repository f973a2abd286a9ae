import { at } from "../../base/need.js";
import type { Network } from "../network.js";

/*
 * A pipeline drawn in the plane: each stage a line from left to right, results handed over in the
 * strips between lines next to each other (the last and the first line too: a cylinder). Where a
 * result on its way down crosses one on its way up they meet in a crossing: if neither takes time,
 * that each of them now waits for the other's sender adds nothing, as the stages' orders say so
 * already. So what crosses is drawn as if it took none. What such orders imply is left out.
 */

/** A result handed over, from the k-th instruction of one line to that of the next or back. */
export interface Handover {
  readonly from: number;
  readonly to: number;
  /** Places on the upper and the lower line. */
  readonly upper: number;
  readonly lower: number;
}

/** The results in a strip, ascending on both lines. */
export interface Strip {
  readonly down: readonly Handover[];
  readonly up: readonly Handover[];
  /** For each result on its way down the first that it crosses on its way up, and the one after the last. */
  readonly crossed: readonly (readonly [number, number])[];
}

export interface Drawing {
  /** Each stage's instructions by number; stages without any are left out. */
  readonly lines: readonly (readonly number[])[];
  /** Strip k lies below line k; the last above the first line. */
  readonly strips: readonly Strip[];
}

/** More crossings per instruction than this do not pay. */
const MOST_CROSSINGS = 4;

/** In pipelines of no more instructions what crosses is not left out, which costs little time there. */
const SMALL = 1024;

/** Nor where it takes more than this share of the average instruction's fastest option. */
const SHORT = 0.05;

/**
 * A drawing of a pipeline; null where results skip lines, cross too many others, or cross and
 * take too long to be left out.
 */
export function drawingOf(network: Network): Drawing | null {
  const lines = linesOf(network);
  const place = new Map<number, readonly [number, number]>();
  lines.forEach((line, l) => {
    for (const [k, i] of line.entries()) place.set(i, [l, k]);
  });
  const strips = lines.map(() => ({ down: [] as Handover[], up: [] as Handover[] }));
  const around = lines.length > 2 ? lines.length - 1 : Number.NaN;
  for (const [i, [line, k]] of place) {
    const data = at(network.dataBefore, i);
    const [lineBefore, before] = place.get(data) ?? [line, k];
    if (lineBefore === line) continue;
    const isDown = line - lineBefore === 1 || lineBefore - line === around;
    const isUp = lineBefore - line === 1 || line - lineBefore === around;
    if (!isDown && !isUp) return null;
    const own = { from: data, to: i };
    if (isDown) at(strips, lineBefore).down.push({ ...own, upper: before, lower: k });
    else at(strips, line).up.push({ ...own, upper: k, lower: before });
  }
  const drawn = strips.map(stripOf);
  const crossings = crossingsOf(drawn);
  const takesTime = network.transfer_s.some((delay_s) => delay_s > 0);
  if (takesTime && crossings > 0 && !isHardlyDelayed(network)) return null;
  if (crossings > MOST_CROSSINGS * place.size) return null;
  return { lines, strips: drawn };
}

/** Whether a pipeline is too large to be solved without a drawing and what crosses hardly changes its time. */
function isHardlyDelayed({ sets, transfer_s }: Network): boolean {
  const taken_s = sets.reduce((sum_s, { time_s }) => sum_s + at(time_s, 0), 0);
  const longest_s = transfer_s.reduce((most_s, delay_s) => Math.max(most_s, delay_s));
  return sets.length > SMALL && longest_s * sets.length <= SHORT * taken_s;
}

function crossingsOf(strips: readonly Strip[]): number {
  return strips
    .flatMap(({ crossed }) => crossed)
    .reduce((sum, [first, end]) => sum + end - first, 0);
}

function linesOf({ instructions, stages }: Network): number[][] {
  const lines: number[][] = Array.from({ length: stages }, () => []);
  instructions.forEach(({ stage }, i) => {
    at(lines, stage).push(i);
  });
  return lines.filter(({ length }) => length > 0);
}

function stripOf(all: { readonly down: Handover[]; readonly up: Handover[] }): Strip {
  const down = needed(
    all.down,
    (each) => each.upper,
    (each) => each.lower,
  );
  const up = needed(
    all.up,
    (each) => each.lower,
    (each) => each.upper,
  );
  let [first, end] = [0, 0];
  const crossed = down.map(({ upper, lower }) => {
    while (first < up.length && at(up, first).upper <= upper) first++;
    while (end < up.length && at(up, end).lower < lower) end++;
    return [first, Math.max(first, end)] as const;
  });
  return { down, up, crossed };
}

/** What no other implies that is sent no earlier and arrives no later. */
function needed(
  all: readonly Handover[],
  sent: (each: Handover) => number,
  arrives: (each: Handover) => number,
): Handover[] {
  const lastFirst = all.toSorted((a, b) => sent(b) - sent(a));
  let earliest = Number.POSITIVE_INFINITY;
  const kept = lastFirst.filter((each) => {
    const isNeeded = arrives(each) < earliest;
    if (isNeeded) earliest = arrives(each);
    return isNeeded;
  });
  return kept.reverse();
}
