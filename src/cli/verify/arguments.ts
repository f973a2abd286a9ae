import { Command, CommanderError } from "commander";
import { DiagnosticError, fail } from "../../base/diagnostics/diagnostic.js";
import { badCaseArguments } from "../../base/diagnostics/review.js";
import { deviceNames } from "../../gpu/device.js";
import type { OptimizeOptions } from "../../pipeline.js";
import { addFlags, readFlags } from "../flags.js";
import { JOB_FLAGS, jobOptions, SEARCH_FLAGS } from "../options.js";
import { pathWithin } from "./cases.js";

/** What of `optimize` says where results go or how they are shown: a case has no say in that. */
const { json: _json, printIr: _printIr, ...CASE_JOB_FLAGS } = JOB_FLAGS;
const {
  out: _out,
  resume: _resume,
  timings: _timings,
  threads: _threads,
  ...CASE_SEARCH_FLAGS
} = SEARCH_FLAGS;

/**
 * The options of a case's arguments, read as `optimize` reads them, its files looked for in its own
 * folder alone. Fails with KRS4202 where `optimize` would not take them, KRS4203 where a path leads
 * out of the folder.
 * @param where the case's file, for diagnostics
 */
export async function caseOptions(
  given: readonly string[],
  folder: string,
  where: string,
): Promise<OptimizeOptions> {
  const { graph, options } = parse(given, where);
  const within = (path: string) => pathWithin(folder, path, where);
  const { gpu, profiles, replay } = options;
  return {
    ...options,
    graph: await within(graph),
    gpu: deviceNames().includes(gpu) ? gpu : await within(gpu),
    profiles: await Promise.all(profiles.map(within)),
    replay: replay === null ? null : await within(replay),
  };
}

function parse(given: readonly string[], where: string) {
  const command = new Command("optimize")
    .argument("<graph.onnx>")
    .helpOption(false)
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  addFlags(command, { ...CASE_JOB_FLAGS, ...CASE_SEARCH_FLAGS });
  try {
    command.parse(given, { from: "user" });
    const job = { ...readFlags(command, CASE_JOB_FLAGS), json: false, printIr: null };
    const [graph = ""] = command.args;
    return { graph, options: jobOptions(graph, job, readFlags(command, CASE_SEARCH_FLAGS)) };
  } catch (cause) {
    if (cause instanceof CommanderError) {
      // Of several lines the first says what is wrong, those after it guess.
      const [what = ""] = cause.message.replace(/^error: /, "").split("\n");
      return fail(badCaseArguments(where, what));
    }
    if (!(cause instanceof DiagnosticError)) throw cause;
    const [first] = cause.diagnostics;
    return fail(badCaseArguments(where, `${first?.where}: ${first?.message}`));
  }
}
