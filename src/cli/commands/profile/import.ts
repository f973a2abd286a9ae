import type { Command } from "commander";
import { fail } from "../../../base/diagnostics/diagnostic.js";
import { missingFlags } from "../../../base/diagnostics/usage.js";
import {
  addFlags,
  bindings,
  device,
  integer,
  readFlags,
  text,
  toggle,
  type Values,
} from "../../flags.js";
import { Terminal } from "../../terminal.js";
import { packageVersion } from "../../version.js";
import { writeProfile } from "./output.js";

const COUNT = { min: 1, max: 1_000_000 };

const FLAGS = {
  gpu: device("--gpu <name|file>", "the device that it was measured on", null),
  freq: integer(
    "--freq-mhz <n>",
    "clock of a trace, which does not say it (default: the device's highest)",
    null,
    COUNT,
  ),
  ranks: integer("--ranks <n>", "ranks of a Chakra trace's collectives", null, COUNT),
  partition: text("--partition <key>", "the partition that a Kareus log measures", null),
  slots: bindings("--slots <name=index,...>", "launch slots of a Kareus log by operator index"),
  block: integer("--block <threads>", "which block size of a Kareus log", null, COUNT),
  out: text("--out <file>", "where to write the profile (default: standard output)", null),
  json: toggle("--json", "what was written as JSON on stdout, diagnostics as JSON lines on stderr"),
} as const;

const EXAMPLES = `
Takes traces of PyTorch's profiler (JSON; as .gz, .tar or .tar.gz too), Chakra execution traces (.et or JSON),
stage profiles of Perseus (CSV) and evaluation logs of the Kareus artifact (eval_results.jsonl),
told apart by content. Traces of all ranks of one run belong into one import: how long a collective
really takes is what it took on the rank that came last.

Examples:
  $ kareus profile import rank0.json.gz rank1.json.gz --gpu a100-sxm4-40gb --out profiles/run.jsonl
  $ kareus profile import eval_results.jsonl --gpu a100-sxm4-40gb \\
      --partition forward.0123456789ab --slots norm_0=0,linear_0=2,rope_0=4,attn_0=6 --out profiles/attention.jsonl`;

/** `kareus profile import`: what others measured, as a profile. */
export function addProfileImport(group: Command): void {
  const command = group
    .command("import")
    .summary("traces, stage profiles and logs of other tools as a profile")
    .description("Make a profile of what other tools measured.")
    .argument("<file...>", "files of one kind, - for standard input")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((files: [string, ...string[]]) => run(files, readFlags(command, FLAGS)));
}

async function run(files: [string, ...string[]], flags: Values<typeof FLAGS>): Promise<void> {
  const [{ importProfile }, { loadDevice }] = await Promise.all([
    import("../../../profile/importers/import.js"),
    import("../../../gpu/device.js"),
  ]);
  if (flags.gpu === null) return fail(missingFlags("kareus profile import", ["--gpu"]));
  const device = loadDevice(flags.gpu);
  const setting = {
    gpu: device.name,
    freq_mhz: flags.freq ?? device.highest_clock_mhz,
    clock_given: flags.freq !== null,
    peak_flop_per_s: Math.max(
      ...Object.values(device.peak_flop_per_s).filter((peak) => peak !== undefined),
    ),
    ranks: flags.ranks,
    partition: flags.partition,
    slots: flags.slots,
    block: flags.block,
  };
  const { report } = new Terminal(flags.json);
  const profile = await importProfile(files, setting, `kareus ${packageVersion()}`, report);
  await writeProfile(profile, flags.out, flags.json);
}
