import { Command, CommanderError } from "commander";
import { DiagnosticError, fail } from "../../base/diagnostics/diagnostic.js";
import { badCaseArguments } from "../../base/diagnostics/review.js";
import { at } from "../../base/need.js";
import { bundledDevice } from "../../gpu/device.js";
import { type SearchingOptions, searchingOptions } from "../../options.js";
import type { OptimizeOptions } from "../../pipeline.js";
import { addTopics, readTopics } from "../flags/table.js";
import { LOWERING_FLAGS, SEARCH_FLAGS } from "../options.js";
import { pathWithin } from "./cases.js";

/** A case chooses neither where results go nor how they are shown. */
const { output: _output, ...CASE_LOWERING_FLAGS } = LOWERING_FLAGS;
const { threads: _threads, ...CASE_SEARCH_FLAGS } = SEARCH_FLAGS.search;
const CASE_TOPICS = { ...CASE_LOWERING_FLAGS, search: CASE_SEARCH_FLAGS } as const;

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
  const options = parse(given, where);
  const within = (path: string) => pathWithin(folder, path, where);
  const { graph, hardware, search } = options;
  const { gpu, profile } = hardware;
  return {
    ...options,
    graph: { ...graph, file: await within(graph.file) },
    hardware: {
      ...hardware,
      gpu: bundledDevice(gpu) !== null ? gpu : await within(gpu),
      profile: await Promise.all(profile.map(within)),
    },
    search: { ...search, replay: search.replay === null ? null : await within(search.replay) },
    measure: null,
    journal: null,
  };
}

function parse(given: readonly string[], where: string): SearchingOptions {
  const command = new Command("optimize")
    .argument("<graph.onnx>")
    .helpOption(false)
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  addTopics(command, CASE_TOPICS);
  try {
    command.parse(given, { from: "user" });
    const { search, ...lowering } = readTopics(command, CASE_TOPICS);
    return searchingOptions(at(command.args, 0), {
      ...lowering,
      output: { print_ir: null },
      // A case is compared with what was expected of it, whether it fits or not.
      search: { ...search, threads: null, allow_oversize: true },
    });
  } catch (cause) {
    if (cause instanceof CommanderError) {
      // The first line says what is wrong; the others guess.
      const [what = ""] = cause.message.replace(/^error: /, "").split("\n");
      return fail(badCaseArguments(where, what));
    }
    if (!(cause instanceof DiagnosticError)) throw cause;
    const [first] = cause.diagnostics;
    return fail(badCaseArguments(where, `${first?.where}: ${first?.message}`));
  }
}
