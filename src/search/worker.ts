import { Piscina } from "piscina";
import { DiagnosticError } from "../base/diagnostics/diagnostic.js";
import { costsOn } from "../cost/index.js";
import type { PartitionType } from "../ir/partition.js";
import type { CostSetup, WorkerReply, WorkerTask } from "./messages.js";

const { device, measurements }: CostSetup = Piscina.workerData;
const oracle = costsOn(device, measurements);

/** Every message brings a copy of its partition; the oracle prepares the first one only. */
const partitions = new Map<string, PartitionType>();

function firstCopy(partition: PartitionType): PartitionType {
  const known = partitions.get(partition.key);
  if (known === undefined) partitions.set(partition.key, partition);
  return known ?? partition;
}

/** A worker thread's answer to one task. */
export default function answer(task: WorkerTask): WorkerReply {
  try {
    const partition = firstCopy(task.partition);
    return {
      type: "evaluated",
      costs: task.configurations.map((configuration) => oracle.cost(partition, configuration)),
    };
  } catch (error) {
    if (error instanceof DiagnosticError) {
      return { type: "refused", diagnostics: error.diagnostics, exitCode: error.exitCode };
    }
    return { type: "broke", stack: error instanceof Error ? String(error.stack) : String(error) };
  }
}
