import { defaults } from "../../src/cli/flags/table.js";
import { LOWERING_FLAGS, SEARCH_FLAGS } from "../../src/cli/options.js";
import { searchingOptions } from "../../src/options.js";
import { optimize } from "../../src/pipeline.js";
import type { OptimizeResult } from "../../src/planning.js";

const hooks = { report: () => {}, progress: () => {}, printIr: () => {} };

/** The whole of `optimize` with a small search; `bind` and `job` beside the defaults. */
export async function plan(
  graph: string,
  bind: ReadonlyMap<string, number>,
  job: Partial<ReturnType<typeof defaultJob>>,
  gpu: string = defaults(LOWERING_FLAGS.hardware).gpu,
): Promise<OptimizeResult> {
  const small = { budget: 4, points: 3, threads: 1, allow_oversize: true };
  const options = searchingOptions(graph, {
    graph: { ...defaults(LOWERING_FLAGS.graph), bind: new Map(bind) },
    job: { ...defaultJob(), ...job },
    hardware: { ...defaults(LOWERING_FLAGS.hardware), gpu },
    search: { ...defaults(SEARCH_FLAGS.search), ...small },
    output: defaults(LOWERING_FLAGS.output),
  });
  return await optimize({ ...options, measure: null, journal: null }, hooks);
}

const defaultJob = () => defaults(LOWERING_FLAGS.job);
