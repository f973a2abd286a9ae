import type { Command } from "commander";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { missingFlags } from "../../base/diagnostics/usage.js";
import { readText } from "../../base/files.js";
import type { ExpertsFile } from "../../plan/experts.js";
import { toggle } from "../flags/flag.js";
import { integer, ratio } from "../flags/numbers.js";
import { addFlags, readFlags, type Values } from "../flags/table.js";
import { print, say } from "../terminal.js";

const FLAGS = {
  ep: integer("--ep <n>", "ranks that share the experts", null, { min: 2, max: 65536 }),
  copies: integer("--copies <n>", "copies of hot experts, in the room of as many more experts", 0, {
    min: 0,
    max: 65536,
  }),
  capacity: ratio(
    "--capacity <ratio>",
    "tokens that an expert takes at most, over the mean of all: the others are dropped (default: all)",
  ),
  json: toggle("--json", "the placements as JSON on stdout, diagnostics as JSON lines on stderr"),
} as const;

const EXAMPLES = `
The file is JSON: the tokens that each expert was sent, [310, 95, ...], or such a list for each layer. All-to-alls
wait for the busiest rank, which is what --expert-load of optimize takes; every rank holds equally many experts.

Examples:
  $ kareus experts loads.json --ep 8
  $ kareus experts loads.json --ep 8 --copies 8 --capacity 1.5`;

/** `kareus experts`: how busy the busiest rank is, by where experts lie. */
export function addExperts(program: Command): void {
  const command = program
    .command("experts")
    .summary("where experts may lie, by their loads")
    .description(
      "Say how busy the busiest rank of experts is as they lie, sorted by load, and with hot experts copied.",
    )
    .argument("<loads.json>", "tokens of each expert, - for standard input")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((path: string) => run(path, readFlags(command, FLAGS)));
}

async function run(path: string, flags: Values<typeof FLAGS>): Promise<void> {
  const [{ readLoads }, { expertPlacements }] = await Promise.all([
    import("../../fleet/read-loads.js"),
    import("../../fleet/experts.js"),
  ]);
  const { ep, copies, capacity } = flags;
  if (ep === null) return fail(missingFlags("kareus experts", ["--ep"]));
  const layers = readLoads(await readText(path), path, { ep, copies });
  const placements = expertPlacements(layers, { ep, copies, capacity });
  const file: ExpertsFile = {
    ...{ format: "kareus-experts", version: 1, ep, copies, capacity },
    placements,
  };
  if (flags.json) {
    const { writeExperts } = await import("../../plan/experts.js");
    print(writeExperts(file));
    return;
  }
  const { expertsSummary } = await import("../../views/experts.js");
  say(expertsSummary(file));
}
