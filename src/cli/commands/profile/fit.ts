import { basename } from "node:path";
import type { Command } from "commander";
import { fail, refuse } from "../../../base/diagnostics/diagnostic.js";
import { keptConstants, nothingToFit, rejectedCurve } from "../../../base/diagnostics/profile.js";
import { missingFlags } from "../../../base/diagnostics/usage.js";
import { readText, writeText } from "../../../base/files.js";
import { grouped } from "../../../base/grouped.js";
import { plural } from "../../../base/units.js";
import { toggle } from "../../flags/flag.js";
import { addFlags, readFlags, type Values } from "../../flags/table.js";
import { device, text } from "../../flags/texts.js";
import { print, say, Terminal } from "../../terminal.js";

const FLAGS = {
  device: device("--device <name|file>", "the device whose constants are fitted", null),
  voltage: toggle(
    "--voltage",
    "fit the voltage curve, for a board that publishes none (default: its exponent)",
  ),
  out: text("--out <file>", "where to write the device (default: standard output)", null),
  json: toggle("--json", "what was written as JSON on stdout, diagnostics as JSON lines on stderr"),
} as const;

const EXAMPLES = `
Takes profiles (JSON lines) and stage profiles of Perseus (CSV). Instructions at four clocks or more
give voltages and the power cap, kernels and collectives their rates and energies, changes of the clock
their times by the clock that they go to. What is not in the data keeps its value; what is fitted says
from what, and how far the data lie from it. Constants are kept where the old ones are as good on
records that are held out. Curves that mix two regimes, outliers and kernels that ran at a clock that
is not told are left out, with the reason.

Examples:
  $ kareus profile fit stage_profile.csv --device a100-sxm4-80gb --out mine.json
  $ kareus profile fit profiles/run.jsonl --device h100-sxm --out mine.json
  $ kareus optimize llama.onnx --gpu mine.json`;

/** `kareus profile fit`: measurements to a device file. */
export function addProfileFit(group: Command): void {
  const command = group
    .command("fit")
    .summary("constants of a device from measurements")
    .description("Fit the constants of a device to what was measured on it.")
    .argument("<file...>", "profiles or stage profiles, - for standard input")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((files: readonly string[]) => run(files, readFlags(command, FLAGS)));
}

async function run(files: readonly string[], flags: Values<typeof FLAGS>): Promise<void> {
  const [{ parseRecords }, { readDevice }, { fitDevice }, { fittedContent }] = await Promise.all([
    import("../../../profile/records-of.js"),
    import("../../../gpu/device.js"),
    import("../../../fit/device.js"),
    import("../../../fit/file.js"),
  ]);
  if (flags.device === null) return fail(missingFlags("kareus profile fit", ["--device"]));
  const { device, content } = readDevice(flags.device);
  const { report } = new Terminal(flags.json);
  const texts = await Promise.all(files.map(readText));
  const records = texts.flatMap((content, i) =>
    parseRecords(content, files[i] ?? "-", device.name, report),
  );
  const names = files.map((file) => basename(file)).join(", ");
  const { fitted, rejected } = fitDevice(device, records, flags.voltage);
  const kept = rejected.filter(({ constants }) => constants);
  const left = grouped(
    rejected.filter(({ constants }) => !constants),
    ({ reason, kept_mhz }) => JSON.stringify([reason, kept_mhz]),
  );
  for (const [first, ...others] of left.values()) {
    if (first === undefined) continue;
    const also = others.length === 0 ? "" : ` and ${plural(others.length, "other")}`;
    report(rejectedCurve(names, `${first.name}${also}`, first.kept_mhz, first.reason));
  }
  for (const { name, reason } of kept) report(keptConstants(names, name, reason));
  if (fitted.length + kept.length === 0) return refuse(nothingToFit(names));
  const file = `${JSON.stringify(fittedContent(content, fitted, `fitted to ${names}`), null, 2)}\n`;
  if (flags.out === null) {
    print(file);
    return;
  }
  await writeText(flags.out, file);
  if (flags.json) {
    print(`${JSON.stringify({ file: flags.out, gpu: device.name, fitted })}\n`);
    return;
  }
  const lines = fitted.map(({ path, residual }) => `${path.join(".")}: ${residual}\n`);
  say(`${flags.out}: ${device.name}\n${lines.join("")}`);
}
