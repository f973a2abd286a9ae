import { Piscina } from "piscina";
import { DiagnosticError, fail } from "../base/diagnostics/diagnostic.js";
import { workerCrashed } from "../base/diagnostics/search.js";
import type { Evaluation } from "../ir/configuration.js";
import type { SearchReply, SearchTask, WorkerSetup } from "./task.js";

/** A dead thread's partition is tried this often in all. */
const ATTEMPTS = 2;

interface PoolOptions {
  readonly threads: number;
  readonly signal?: AbortSignal | undefined;
  /** The worker's module, as a URL. */
  readonly worker: string;
  readonly onDone: (index: number, evaluations: readonly Evaluation[]) => void;
}

function unpack(reply: SearchReply): readonly Evaluation[] {
  switch (reply.type) {
    case "found":
      return reply.evaluations;
    case "refused":
      throw new DiagnosticError(reply.diagnostics, reply.exitCode);
    case "broke":
      throw new Error(`a search worker failed: ${reply.stack}`);
  }
}

/** One task on any free thread, once more if its thread dies. */
async function runOnce(
  pool: Piscina<SearchTask, SearchReply>,
  task: SearchTask,
  signal: AbortSignal | undefined,
): Promise<readonly Evaluation[]> {
  let reason = "";
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    let reply: SearchReply;
    try {
      reply = await pool.run(task, { signal: signal ?? null });
    } catch (crash) {
      signal?.throwIfAborted();
      reason = crash instanceof Error ? crash.message : String(crash);
      continue;
    }
    return unpack(reply);
  }
  return fail(workerCrashed(task.partition.key, reason));
}

/**
 * Runs the tasks on worker threads. `onDone` hears each in order of completion. Fails with KRS3001
 * when a partition kills its thread twice, with the signal's reason when aborted; either way no
 * thread stays behind.
 */
export async function runPool(
  tasks: readonly SearchTask[],
  setup: WorkerSetup,
  options: PoolOptions,
): Promise<void> {
  const { threads, signal, worker, onDone } = options;
  signal?.throwIfAborted();
  const pool = new Piscina<SearchTask, SearchReply>({
    filename: worker,
    minThreads: threads,
    maxThreads: threads,
    workerData: setup,
  });
  try {
    const runs = tasks.map(async (task, i) => onDone(i, await runOnce(pool, task, signal)));
    await Promise.all(runs);
  } finally {
    await pool.destroy();
  }
}
