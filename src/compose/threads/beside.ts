import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { DiagnosticError } from "../../base/diagnostics/diagnostic.js";
import { grouped } from "../../base/grouped.js";
import { at } from "../../base/need.js";
import { packagePath } from "../../base/package.js";
import type { PipelineProblem } from "../../ir/iteration.js";
import { type Reached, reachedUnder, type Sought } from "../solver.js";
import { plainProblem, reachedOf } from "./plain.js";
import type { SolverReply, SolverTask } from "./worker.js";

/**
 * Threads that solve problems beside this one. They take a fifth of a second to start, so they start before there is
 * anything to solve; those of a pool would get it only when this thread is idle.
 */
export class SolverThreads {
  readonly #threads: readonly Worker[];

  /** @param count 0: this thread solves, when it is asked what is reached */
  constructor(count: number) {
    const file = packagePath("dist/src/compose/threads/worker.js");
    this.#threads = Array.from({ length: count }, () => new Worker(file));
  }

  /**
   * Solves problems, each thread some of them, once.
   * @returns asked, what is reached in each. Fails with KRS40xx on one that makes no sense
   */
  solve(
    problems: readonly PipelineProblem[],
    sought: Sought,
  ): () => Promise<ReadonlyMap<PipelineProblem, Reached>> {
    if (this.#threads.length === 0) {
      return async () =>
        new Map(problems.map((problem) => [problem, reachedUnder(problem, sought)]));
    }
    const heaps = dealt(problems, this.#threads.length);
    const solving = heaps.map((own, k) => solveIn(at(this.#threads, k), own, sought));
    const reached = Promise.all(solving).then((all) => new Map(all.flat()));
    // Other work may fail, and end the threads, before this is asked for.
    reached.catch(() => {});
    return () => reached;
  }

  /** Ends the threads, busy or not. */
  async end(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }
}

/** Problems in so many heaps at most, those with the most options apart. */
function dealt(problems: readonly PipelineProblem[], most: number): PipelineProblem[][] {
  const options = ({ options }: PipelineProblem) =>
    options.flatMap((kinds) => Object.values(kinds)).reduce((sum, list) => sum + list.length, 0);
  const sorted = problems.toSorted((a, b) => options(b) - options(a));
  return [...grouped(sorted.entries(), ([k]) => k % most).values()].map((heap) =>
    heap.map(([, problem]) => problem),
  );
}

async function solveIn(thread: Worker, problems: readonly PipelineProblem[], sought: Sought) {
  const task: SolverTask = { problems: problems.map(plainProblem), sought };
  thread.postMessage(task);
  const [reply] = (await once(thread, "message")) as [SolverReply];
  if ("refused" in reply) throw new DiagnosticError(reply.refused, reply.exitCode);
  return problems.map((problem, k) => [problem, reachedOf(problem, at(reply.reached, k))] as const);
}
