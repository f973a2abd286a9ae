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

/** What is found while this thread does other work. */
interface Beside {
  /** Of each problem. Fails with KRS40xx on one that makes no sense. */
  readonly reached: () => Promise<ReadonlyMap<PipelineProblem, Reached>>;
  /** Ends the threads, busy or not. */
  readonly end: () => Promise<unknown>;
}

/** Instructions times points for which a thread pays: it takes a fifth of a second to start. */
const WORTH_A_THREAD = 500;

/**
 * Solves problems in threads of their own, where there are any and they pay. The threads of a pool would get them
 * when this one is idle; these bring them along.
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
  const solving = dealt(problems, threads - 1).map((own) => solveIn(own, sought));
  const reached = Promise.all(solving.map((each) => each.reached)).then(
    (all) => new Map(all.flat()),
  );
  // Other work may fail, and end the threads, before this is asked for.
  reached.catch(() => {});
  return {
    reached: () => reached,
    end: () => Promise.all(solving.map(({ thread }) => thread.terminate())),
  };
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

function solveIn(problems: readonly PipelineProblem[], sought: Sought) {
  const workerData: SolverTask = { problems: problems.map(plainProblem), sought };
  const thread = new Worker(packagePath("dist/src/compose/threads/worker.js"), { workerData });
  const reached = replyOf(thread).then((found) =>
    problems.map((problem, k) => [problem, reachedOf(problem, at(found, k))] as const),
  );
  return { thread, reached };
}

async function replyOf(thread: Worker) {
  const [reply] = (await once(thread, "message")) as [SolverReply];
  if ("refused" in reply) throw new DiagnosticError(reply.refused, reply.exitCode);
  return reply.reached;
}
