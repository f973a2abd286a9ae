/** One thing that a job may do: run at a point, or wait. */
export interface JobOption {
  /** Id of the frontier's point; null: the job waits. */
  readonly point: number | null;
  /** Of all its GPUs. */
  readonly power_w: number;
  /** Weighted: the fastest point's time over this one's. */
  readonly throughput: number;
}
