import { at } from "../../base/need.js";
import type { Stretch } from "../../math/fluid.js";

/** One run of a partition at a clock that it really keeps. */
export interface PartitionRun {
  readonly time_s: number;
  /** Total energy of one GPU. */
  readonly energy_j: number;
}

/** What goes on between two events of a run. */
interface OverlapPiece {
  readonly start_s: number;
  readonly end_s: number;
  /** The kernel that runs, by index; null: none, it is being launched or all are done. */
  readonly kernel: number | null;
  /** Which of the partition's communications is there, by index; null: none. */
  readonly communication: number | null;
  /** Whether that moves data yet; waiting for its first byte it holds its SMs. */
  readonly moving: boolean;
  /** Device memory traffic. */
  readonly bytes_per_s: number;
  /** Of one GPU. */
  readonly power_w: number;
}

/** A run of a partition from within; its totals are those of the run. */
export interface OverlapTrace extends PartitionRun {
  /** The clock that the power cap leaves. */
  readonly clock_mhz: number;
  /** What device memory gives at most, bytes/s. */
  readonly bandwidth: number;
  /** One after the other from 0 to `time_s`. */
  readonly pieces: readonly OverlapPiece[];
}

/** What one kernel or communication takes in all: bytes of device memory, dynamic energy. */
interface Effort {
  readonly traffic: number;
  readonly dynamic_j: number;
}

const NO_EFFORT: Effort = { traffic: 0, dynamic_j: 0 };

/**
 * What is spent in a stretch is what is done in it; zero-length ones, of work without time, are left
 * out. `sequence` says which kernel each place of the queue holds.
 */
export function piecesOf(
  stretches: readonly Stretch[],
  sequence: readonly number[],
  idle_w: number,
  kernels: readonly Effort[],
  communications: readonly Effort[],
): OverlapPiece[] {
  return stretches
    .filter(({ start_s, end_s }) => end_s > start_s)
    .map(({ start_s, end_s, task, task_share, companion, companion_share, which }) => {
      const kernel = task === null ? null : at(sequence, task);
      const own = kernel === null ? NO_EFFORT : at(kernels, kernel);
      const moved = which === undefined ? NO_EFFORT : at(communications, which);
      const per_s = (of: keyof Effort) =>
        (task_share * own[of] + companion_share * moved[of]) / (end_s - start_s);
      return {
        start_s,
        end_s,
        kernel,
        communication: which ?? null,
        moving: companion === "moving",
        bytes_per_s: per_s("traffic"),
        power_w: idle_w + per_s("dynamic_j"),
      };
    });
}
