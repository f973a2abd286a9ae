import type { Command } from "commander";
import { fail } from "../../../base/diagnostics/diagnostic.js";
import { untoldDevice } from "../../../base/diagnostics/profile.js";
import { missingFlags } from "../../../base/diagnostics/usage.js";
import { packageVersion } from "../../../base/package.js";
import type { Device } from "../../../gpu/device-schema.js";
import type { ImportSetting } from "../../../profile/importers/import.js";
import { bindings } from "../../flags/by-name.js";
import { toggle } from "../../flags/flag.js";
import { integer } from "../../flags/numbers.js";
import { addFlags, readFlags, type Values } from "../../flags/table.js";
import { device, text } from "../../flags/texts.js";
import { Terminal } from "../../terminal.js";
import { writeProfile } from "./output.js";

const COUNT = { min: 1, max: 1_000_000 };

const FLAGS = {
  gpu: device(
    "--gpu <name|file>",
    "the device that it was measured on (default: the one that a trace names)",
    null,
  ),
  freq: integer(
    "--freq-mhz <n>",
    "clock of a trace, which does not say it (default: the device's highest)",
    null,
    COUNT,
  ),
  ranks: integer(
    "--ranks <n>",
    "ranks of collectives of which a trace does not say it: Chakra, symmetric memory",
    null,
    COUNT,
  ),
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
  const { importProfile } = await import("../../../profile/importers/import.js");
  const setting = {
    device: await measuredDevice(flags.gpu),
    freq_mhz: flags.freq,
    ranks: flags.ranks,
    partition: flags.partition,
    slots: flags.slots,
    block: flags.block,
  };
  const { report } = new Terminal(flags.json);
  const profile = await importProfile(files, setting, `kareus ${packageVersion()}`, report);
  await writeProfile(profile, flags.out, flags.json);
}

/**
 * The device of that name, or without one that of a trace's boards. KRS0005: it names none; KRS2047:
 * what it names is not surely one.
 */
async function measuredDevice(gpu: string | null): Promise<ImportSetting["device"]> {
  const { deviceNames, loadDevice } = await import("../../../gpu/device.js");
  const { isLikelyGpu } = await import("../../../profile/gpu-name.js");
  const measured = (device: Device) => ({
    ...device,
    peak_flop_per_s: Math.max(
      ...Object.values(device.peak_flop_per_s).filter((peak) => peak !== undefined),
    ),
  });
  if (gpu !== null) {
    const given = measured(loadDevice(gpu));
    return () => given;
  }
  return (boards, where) => {
    if (boards.length === 0) return fail(missingFlags(where, ["--gpu"]));
    const likely = deviceNames()
      .map((name) => loadDevice(name))
      .filter((device) => boards.some((board) => isLikelyGpu(board, device)));
    const [only] = likely;
    if (only !== undefined && likely.length === 1) return measured(only);
    const names = (of: readonly { readonly name: string }[]) => of.map(({ name }) => name);
    return fail(untoldDevice(where, names(boards), names(likely)));
  };
}
