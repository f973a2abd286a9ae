import { at } from "../../../base/need.js";
import type { DrawnPartition, DrawnRun } from "../model.js";
import { collective } from "./words.js";

/** A kernel, or communication, from when it starts to when it ends. */
export interface Bar {
  readonly lane: 0 | 1;
  readonly start_s: number;
  readonly end_s: number;
  readonly text: string;
  readonly detail: string;
  readonly fill: string;
}

/** A piece of a run with where it starts. */
export interface Piece {
  readonly start_s: number;
  readonly end_s: number;
  readonly kernel: number | null;
  readonly communication: number | null;
  readonly moving: boolean;
  readonly bytes_per_s: number;
  readonly power_w: number;
}

/** The pieces of a run in order. */
export function piecesOf({ pieces }: DrawnRun): Piece[] {
  let start_s = 0;
  return pieces.map(([end_s, kernel, communication, moving, bytes_per_s, power_w]) => {
    const piece = { start_s, end_s, kernel, communication, moving, bytes_per_s, power_w };
    start_s = end_s;
    return piece;
  });
}

/** Neighbouring pieces of one kernel, and of communication, joined. */
export function barsOf(pieces: readonly Piece[], partition: DrawnPartition): Bar[] {
  const bars: Bar[] = [];
  const extend = (bar: Bar) => {
    const last = bars.findLast(({ lane }) => lane === bar.lane);
    const goes_on = last?.detail === bar.detail && last.end_s === bar.start_s;
    if (goes_on) bars[bars.indexOf(last)] = { ...last, end_s: bar.end_s };
    else bars.push(bar);
  };
  const { communications, kernels, slots } = partition;
  for (const { start_s, end_s, kernel, communication } of pieces) {
    if (kernel !== null) {
      const { slot, shape } = at(kernels, kernel);
      const named = slot === null ? undefined : at(slots, slot);
      const text = named?.name ?? shape;
      const fill = kernel % 2 === 0 ? "var(--compute)" : "var(--compute-other)";
      const node = named === undefined ? "" : ` (${named.node})`;
      extend({ lane: 0, start_s, end_s, text, detail: `${text}: ${shape}${node}`, fill });
    }
    const moved = communication === null ? undefined : at(communications, communication);
    if (moved !== undefined) {
      const [text, detail] = [moved.kind.replaceAll("_", "-"), collective(moved)];
      extend({ lane: 1, start_s, end_s, text, detail, fill: "var(--communication)" });
    }
  }
  return bars;
}

/** SMs that compute and communication hold. */
export function smsOf(piece: Piece, sms: number, sm_count: number) {
  const communication = piece.communication === null ? 0 : sms;
  return { communication, compute: piece.kernel === null ? 0 : sm_count - communication };
}
