import type { Diagnostic } from "../base/diagnostics/diagnostic.js";
import type { Device } from "../gpu/device-schema.js";
import type { Cost } from "../ir/configuration.js";
import type { Batch } from "./evaluator.js";

/** What a worker thread starts with. */
export interface WorkerSetup {
  readonly device: Device;
}

/** What the main thread asks of a worker. */
export interface WorkerTask extends Batch {
  readonly type: "evaluate";
}

/** What a worker answers; errors travel as data because threads strip their class. */
export type WorkerReply =
  | { readonly type: "evaluated"; readonly costs: readonly Cost[] }
  | {
      readonly type: "refused";
      readonly diagnostics: readonly Diagnostic[];
      readonly exitCode: 1 | 2;
    }
  | { readonly type: "broke"; readonly stack: string };
