import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { DiagnosticError } from "../../base/diagnostics/diagnostic.js";
import { at } from "../../base/need.js";
import { packagePath } from "../../base/package.js";
import type { PipelineProblem } from "../../ir/iteration.js";
import { type Reached, reachedUnder, type Sought } from "../solver.js";
import { plainProblem, reachedOf } from "./plain.js";
import type { SolverReply, SolverTask } from "./worker.js";

/** What is found while this thread does other work. */
interface Beside {
  /** Of each problem. Fails with KRS40xx on one that makes no sense. */
  readonly reached: () => Promise<ReadonlyMap<PipelineProblem, Reached>>;
  /** Ends the thread, busy or not. */
  readonly end: () => Promise<unknown>;
}

/** Instructions times points for which a thread pays: it takes a fifth of a second to start. */
const WORTH_A_THREAD = 500;

/**
 * Solves problems one after the other, in a thread of its own where there is one and it pays. The threads of a pool
 * would get them when this one is idle; this one brings them along.
 * @param threads with this one
 */
export function solveBeside(
  problems: readonly PipelineProblem[],
  sought: Sought,
  threads: number,
): Beside {
  const instructions = problems.reduce((sum, { order }) => sum + order.flat().length, 0);
  if (threads < 2 || instructions * sought.points < WORTH_A_THREAD) {
    const reached = async () =>
      new Map(problems.map((problem) => [problem, reachedUnder(problem, sought)]));
    return { reached, end: async () => {} };
  }
  const workerData: SolverTask = { problems: problems.map(plainProblem), sought };
  const thread = new Worker(packagePath("dist/src/compose/threads/worker.js"), { workerData });
  const reached = replyOf(thread).then((found) => {
    return new Map(problems.map((problem, k) => [problem, reachedOf(problem, at(found, k))]));
  });
  // Other work may fail, and end the thread, before this is asked for.
  reached.catch(() => {});
  return { reached: () => reached, end: () => thread.terminate() };
}

async function replyOf(thread: Worker) {
  const [reply] = (await once(thread, "message")) as [SolverReply];
  if ("refused" in reply) throw new DiagnosticError(reply.refused, reply.exitCode);
  return reply.reached;
}
