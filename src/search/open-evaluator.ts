import type { Profile } from "../profile/reader.js";
import type { OpenEvaluator } from "./evaluator.js";
import { liveEvaluator, type Windows } from "./live.js";
import type { CostSetup } from "./messages.js";
import { costEvaluator } from "./pool.js";
import { replayEvaluator } from "./replay.js";

/** What answers a search: this machine's GPUs, a profile in their place, or recorded and modelled costs. */
export function openEvaluator(
  setup: CostSetup,
  replayed: Profile | null,
  windows: Windows | null,
  pool: { readonly threads: number; readonly signal?: AbortSignal | undefined },
): OpenEvaluator {
  if (windows !== null) {
    return { ...liveEvaluator(windows, setup.device.name), close: async () => {} };
  }
  return replayed === null ? costEvaluator(setup, pool) : replayEvaluator(replayed);
}
