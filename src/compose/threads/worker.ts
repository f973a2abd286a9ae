import { parentPort } from "node:worker_threads";
import { type Diagnostic, DiagnosticError } from "../../base/diagnostics/diagnostic.js";
import { present } from "../../base/need.js";
import { reachedUnder, type Sought } from "../solver.js";
import { type PlainProblem, type PlainReached, plainReached, problemOf } from "./plain.js";

/** What a thread is told, once. */
export interface SolverTask {
  readonly problems: readonly PlainProblem[];
  readonly sought: Sought;
}

/** What is reached in each, or why nothing is: errors lose their class between threads. */
export type SolverReply =
  | { readonly reached: readonly PlainReached[] }
  | { readonly refused: readonly Diagnostic[]; readonly exitCode: 1 | 2 };

function answer({ problems, sought }: SolverTask): SolverReply {
  try {
    const reached = problems
      .map(problemOf)
      .map((own) => plainReached(own, reachedUnder(own, sought)));
    return { reached };
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    return { refused: error.diagnostics, exitCode: error.exitCode };
  }
}

const asking = present(parentPort, "the thread that asks");
asking.once("message", (task: SolverTask) => asking.postMessage(answer(task)));
