import type { Command } from "commander";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { malformedProfileLine } from "../../base/diagnostics/profile.js";
import { priorSharesNothing } from "../../base/diagnostics/search.js";
import { readText } from "../../base/files.js";
import type { NamedPartition } from "../../profile/header.js";
import type { TableRow } from "../../profile/table.js";
import type { TablePrior } from "../../search/table.js";
import { toggle } from "../flags/flag.js";
import { integer, quantity } from "../flags/numbers.js";
import { addFlags, readFlags, type Values } from "../flags/table.js";
import { texts } from "../flags/texts.js";
import { print, say } from "../terminal.js";

/** The GPU whose P_static counts when neither a flag nor the table gives one. */
const DEFAULT_GPU = "a100-sxm4-40gb";

const FLAGS = {
  budget: integer("--budget <n>", "evaluations at most", 224, { min: 1, max: 1_000_000 }),
  seed: integer("--seed <n>", "seed of every random choice", 0, {
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  }),
  staticPower: quantity(
    "--static-power-w <watts>",
    `P_static of one GPU (default: that of the GPU in the header, else of ${DEFAULT_GPU})`,
    "watts",
    null,
  ),
  prior: texts(
    "--prior <file>",
    "what was recorded of a neighbouring workload or GPU (a table, a profile); repeatable",
  ),
  noConverge: toggle("--no-converge", "spend the whole budget, even when it gains little"),
  json: toggle("--json", "the result as JSON on stdout, diagnostics as JSON lines on stderr"),
} as const;

const EXAMPLES = `
One JSON object per line: freq_mhz, launch_slot (or null), sms, time_s and energy_j of one GPU;
further fields are further knobs, and a profile's header may come first. A header that names the partition
({"kernels": [{"slot": "norm_0", "work": {"op": "matmul", ...}}, ...], "communication": {"kind": "all_reduce",
"size_bytes": 67108864, "ranks": 8}}) lets the search begin with what the model of the header's GPU says of it. The cost of a row is read
when the row is evaluated, so the order of evaluation is that of real measurements. With --prior the
search expects costs to depend on knobs as they did there, up to scale, until evaluations disagree.

Examples:
  $ kareus search table.jsonl --budget 112
  $ kareus search table.jsonl --prior last-month/measurements.jsonl
  $ kareus search - --no-converge --seed 3 --json < table.jsonl`;

/** `kareus search`: one partition against a recorded table. */
export function addSearch(program: Command): void {
  const command = program
    .command("search")
    .summary("search a recorded table of one partition")
    .description(
      "Find the trade-off of time and energy in a table of one partition, evaluating few rows.",
    )
    .argument("<table.jsonl>", "recorded configurations, - for standard input")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((path: string) => run(path, readFlags(command, FLAGS)));
}

async function run(path: string, flags: Values<typeof FLAGS>): Promise<void> {
  const [{ readTable }, { searchTable }, { writeSearch }] = await Promise.all([
    import("../../profile/table.js"),
    import("../../search/table.js"),
    import("../../plan/search.js"),
  ]);
  const { header, rows } = readTable(await readText(path), path);
  const static_power_w = flags.staticPower ?? (await staticPower(header?.gpu ?? DEFAULT_GPU));
  const named = header?.partition;
  const prior = await (flags.prior.length > 0
    ? readPrior(flags.prior, rows, static_power_w)
    : named === undefined
      ? typical(rows, static_power_w)
      : modelled(rows, named, header?.gpu ?? DEFAULT_GPU, path, static_power_w));
  const found = searchTable(rows, {
    budget: flags.budget,
    seed: flags.seed,
    static_power_w,
    converge: !flags.noConverge,
    prior,
  });
  if (flags.json) {
    print(writeSearch(found));
    return;
  }
  const { searchSummary } = await import("../../views/search.js");
  say(searchSummary(rows, found));
}

/** What is typical of a partition; nothing of other tables. */
async function typical(
  rows: readonly TableRow[],
  static_power_w: number,
): Promise<TablePrior | undefined> {
  const { typicalPrior } = await import("../../search/typical/prior.js");
  return typicalPrior(rows, static_power_w) ?? undefined;
}

/** What the model of their GPU says of the rows. KRS2001: no such device; KRS2011: a slot without a kernel. */
async function modelled(
  rows: readonly TableRow[],
  partition: NamedPartition,
  gpu: string,
  path: string,
  static_power_w: number,
): Promise<TablePrior> {
  const { loadDevice } = await import("../../gpu/device.js");
  const { namedPrior, unnamedSlot } = await import("../../search/named.js");
  const device = loadDevice(gpu);
  const slot = unnamedSlot(rows, partition);
  if (slot !== null) {
    const problem = `partition.kernels: none begins launch slot ${slot}, which rows have`;
    return fail(malformedProfileLine(path, 1, problem));
  }
  return namedPrior(rows, partition, device, static_power_w);
}

/** Earlier tables as one prior; a header without a GPU stands for the GPU that is searched. */
async function readPrior(
  files: readonly string[],
  rows: readonly TableRow[],
  static_power_w: number,
): Promise<TablePrior> {
  const [{ readTable }, { tableSpace }, { priorOf, sharedKnobs }] = await Promise.all([
    import("../../profile/table.js"),
    import("../../search/table.js"),
    import("../../search/prior.js"),
  ]);
  const earlier = await Promise.all(
    files.map(async (file) => {
      const table = readTable(await readText(file), file);
      if (sharedKnobs(rows, table.rows).length === 0) {
        fail(
          priorSharesNothing(
            file,
            tableSpace(rows).knobs.map(({ name }) => name),
          ),
        );
      }
      const gpu = table.header?.gpu;
      return {
        rows: table.rows,
        static_power_w: gpu === undefined ? static_power_w : await staticPower(gpu),
      };
    }),
  );
  return priorOf(rows, earlier, static_power_w);
}

/** P_static of a device, W; a header may name a GPU that has no device file. */
async function staticPower(gpu: string): Promise<number> {
  const { deviceNames, loadDevice } = await import("../../gpu/device.js");
  return loadDevice(deviceNames().includes(gpu) ? gpu : DEFAULT_GPU).static_power_w;
}
