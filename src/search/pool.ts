import { pathToFileURL } from "node:url";
import { DiagnosticError, fail } from "../base/diagnostics/diagnostic.js";
import { workerCrashed } from "../base/diagnostics/search.js";
import { packagePath } from "../base/package.js";
import { endThreads, startThreads } from "../base/threads.js";
import { costsOn } from "../cost/index.js";
import type { Cost } from "../ir/configuration.js";
import { type Batch, inlineEvaluator, MODELLED_BATCH, type OpenEvaluator } from "./evaluator.js";
import type { CostSetup, WorkerReply, WorkerTask } from "./messages.js";

/** What killed its thread is tried this often in all. */
const ATTEMPTS = 2;

const OURS = pathToFileURL(packagePath("dist/src/search/worker.js")).href;

/** Batches waiting per thread, so that none is idle while results are written down in order. */
const AHEAD = 2;

interface PoolOptions {
  /** One: this thread. */
  readonly threads: number;
  readonly signal?: AbortSignal | undefined;
  /** The worker's module, as a URL; ours unless a test brings its own. */
  readonly worker?: string;
}

function unpack(reply: WorkerReply): readonly Cost[] {
  switch (reply.type) {
    case "evaluated":
      return reply.costs;
    case "refused":
      throw new DiagnosticError(reply.diagnostics, reply.exitCode);
    case "broke":
      throw new Error(`a search worker failed: ${reply.stack}`);
  }
}

/**
 * Recorded and modelled costs in this thread, or in worker threads, which start with the first batch. A batch
 * whose thread dies is tried once more, then it is KRS3001 with its partition. When aborted, open
 * batches fail with the signal's reason and their threads end.
 */
export function costEvaluator(setup: CostSetup, options: PoolOptions): OpenEvaluator {
  const { threads, signal } = options;
  if (threads <= 1) {
    const { device, measurements } = setup;
    return { ...inlineEvaluator(costsOn(device, measurements)), close: async () => {} };
  }
  const pool = startThreads<WorkerTask, WorkerReply>(options.worker ?? OURS, {
    threads,
    data: setup,
  });
  const evaluate = async (batch: Batch): Promise<readonly Cost[]> => {
    const task: WorkerTask = { type: "evaluate", ...batch };
    let reason = "";
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      let reply: WorkerReply;
      try {
        reply = await pool.run(task, { signal: signal ?? null });
      } catch (crash) {
        signal?.throwIfAborted();
        reason = crash instanceof Error ? crash.message : String(crash);
        continue;
      }
      return unpack(reply);
    }
    return fail(workerCrashed(batch.partition.key, reason));
  };
  return {
    batch: MODELLED_BATCH,
    parallel: AHEAD * threads,
    live: false,
    evaluate,
    close: () => endThreads(pool),
  };
}
