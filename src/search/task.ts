import type { Diagnostic } from "../base/diagnostics/diagnostic.js";
import { forkRng } from "../base/rng.js";
import type { CostOracle } from "../cost/oracle.js";
import type { Device } from "../gpu/device-schema.js";
import type { Evaluation } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";
import { searchPartition } from "./partition.js";
import { configurationSpace } from "./space.js";
import { exhaustive } from "./strategies/exhaustive.js";
import { random } from "./strategies/random.js";

/** Modelled spaces up to this size are enumerated, whatever the budget. */
const ENUMERATED = 20_000;

/** What a worker thread starts with. */
export interface WorkerSetup {
  readonly device: Device;
}

/** What the main thread asks of a worker: one partition type. */
export interface SearchTask {
  readonly type: "search";
  readonly partition: PartitionType;
  readonly budget: number;
  readonly seed: number;
}

/** What a worker answers; errors travel as data because threads strip their class. */
export type SearchReply =
  | { readonly type: "found"; readonly evaluations: readonly Evaluation[] }
  | {
      readonly type: "refused";
      readonly diagnostics: readonly Diagnostic[];
      readonly exitCode: 1 | 2;
    }
  | { readonly type: "broke"; readonly stack: string };

/** Searches one partition type; the same task has the same result in any thread. */
export function runTask(task: SearchTask, oracle: CostOracle, device: Device): Evaluation[] {
  const { partition, seed, budget } = task;
  const space = configurationSpace(partition, device);
  if (space.size <= ENUMERATED) {
    return searchPartition(partition, space, oracle, exhaustive(space.size), space.size);
  }
  const strategy = random(space, forkRng(seed, partition.key));
  return searchPartition(partition, space, oracle, strategy, budget);
}
