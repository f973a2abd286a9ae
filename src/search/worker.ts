import { Piscina } from "piscina";
import { DiagnosticError } from "../base/diagnostics/diagnostic.js";
import { costsOn } from "../cost/rescaled.js";
import { runTask, type SearchReply, type SearchTask, type WorkerSetup } from "./task.js";

const { device, measurements }: WorkerSetup = Piscina.workerData;
const oracle = costsOn(device, measurements);

/** A worker thread's answer to one task. */
export default function answer(task: SearchTask): SearchReply {
  try {
    return { type: "found", evaluations: runTask(task, oracle, device) };
  } catch (error) {
    if (error instanceof DiagnosticError) {
      return { type: "refused", diagnostics: error.diagnostics, exitCode: error.exitCode };
    }
    return { type: "broke", stack: error instanceof Error ? String(error.stack) : String(error) };
  }
}
