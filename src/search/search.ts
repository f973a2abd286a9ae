import { costsOn } from "../cost/rescaled.js";
import type { Device } from "../gpu/device-schema.js";
import type { Evaluation } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";
import { type Measurements, NO_MEASUREMENTS } from "../profile/library.js";
import { runPool } from "./pool.js";
import { runTask, type SearchTask, type WorkerSetup } from "./task.js";

interface SearchOptions {
  readonly threads: number;
  readonly seed: number;
  /** Evaluations per partition type whose space is too large to enumerate. */
  readonly budget: number;
  /** Costs are taken from them where they tell, else modelled. */
  readonly measurements?: Measurements;
  readonly signal?: AbortSignal;
  readonly onPartition?: (done: number, total: number) => void;
}

type OnDone = (index: number, evaluations: readonly Evaluation[]) => void;

/** In this thread, giving way between partitions so that a signal can arrive. */
async function runInline(
  tasks: readonly SearchTask[],
  { device, measurements }: WorkerSetup,
  signal: AbortSignal | undefined,
  onDone: OnDone,
): Promise<void> {
  const oracle = costsOn(device, measurements);
  for (const [i, task] of tasks.entries()) {
    signal?.throwIfAborted();
    onDone(i, runTask(task, oracle, device));
    await new Promise((resume) => setImmediate(resume));
  }
}

/**
 * Searches every partition type and returns its evaluations by key, keys ascending. The result does
 * not depend on the number of threads, nor on the order of the partitions.
 */
export async function searchPartitions(
  partitions: readonly PartitionType[],
  device: Device,
  options: SearchOptions,
): Promise<ReadonlyMap<string, readonly Evaluation[]>> {
  const { seed, budget, signal, onPartition } = options;
  const setup: WorkerSetup = { device, measurements: options.measurements ?? NO_MEASUREMENTS };
  const sorted = [...partitions].sort((a, b) => (a.key < b.key ? -1 : 1));
  const tasks = sorted.map(
    (partition): SearchTask => ({ type: "search", partition, seed, budget }),
  );
  const results = new Array<readonly Evaluation[]>(tasks.length);
  let done = 0;
  const onDone: OnDone = (index, evaluations) => {
    results[index] = evaluations;
    onPartition?.(++done, tasks.length);
  };
  const threads = Math.min(options.threads, tasks.length);
  if (threads <= 1) {
    await runInline(tasks, setup, signal, onDone);
  } else {
    const worker = new URL("./worker.js", import.meta.url).href;
    await runPool(tasks, setup, { threads, signal, worker, onDone });
  }
  return new Map(sorted.map(({ key }, i) => [key, results[i] as readonly Evaluation[]]));
}
