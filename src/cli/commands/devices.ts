import type { Command } from "commander";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { badUsage, flagWithoutUse, missingFlags } from "../../base/diagnostics/usage.js";
import { writeText } from "../../base/files.js";
import type { DataSheet } from "../../gpu/from-sheet.js";
import { toggle } from "../flags/flag.js";
import { integer, quantity } from "../flags/numbers.js";
import { addFlags, readFlags, type Values } from "../flags/table.js";
import { device, text } from "../flags/texts.js";
import { print, say, Terminal } from "../terminal.js";

const LIST_FLAGS = {
  compare: device(
    "--compare <name|file>",
    "how much of this one each device has: rates, memory, links, power",
    null,
  ),
  json: toggle("--json", "the list as JSON"),
} as const;

const COUNT = { min: 1, max: 100_000 };

const SHEET_FLAGS = {
  like: device("--like <name|file>", "the measured GPU whose constants are rescaled", null),
  sms: integer("--sms <n>", "multiprocessors or compute units", null, COUNT),
  clock: integer("--clock-mhz <n>", "highest clock", null, COUNT),
  memory: quantity("--memory-gb <n>", "memory, in 10^9 bytes", "gigabytes", null),
  bandwidth: quantity("--bandwidth-gb-s <n>", "of the memory", "gigabytes a second", null),
  bf16: quantity("--bf16-tflops <n>", "dense bfloat16 of tensor cores", "TFLOP/s", null),
  fp8: quantity("--fp8-tflops <n>", "dense 8-bit floats (default: none)", "TFLOP/s", null),
  fp32: quantity("--fp32-tflops <n>", "outside tensor cores", "TFLOP/s", null),
  fp64: quantity("--fp64-tflops <n>", "outside tensor cores", "TFLOP/s", null),
  link: quantity(
    "--link-gb-s <n>",
    "of all links to GPUs of the node, one way",
    "gigabytes a second",
    null,
  ),
  power: quantity("--power-w <n>", "power limit", "watts", null),
  source: text("--source <text>", "where the numbers stand", "data sheet, as told to devices new"),
  out: text("--out <file>", "write the device to this file", null),
} as const;

const EXAMPLES = `
Examples:
  $ kareus devices
  $ kareus devices h200
  $ kareus devices --compare h100-sxm
  $ kareus devices new my-gpu --like h200 --sms 160 --clock-mhz 2100 --memory-gb 288 --bandwidth-gb-s 8000 \\
      --bf16-tflops 2300 --power-w 1000 --link-gb-s 900 --out my-gpu.json
  $ kareus optimize llama.onnx --gpu my-gpu.json`;

/** `kareus devices`: the GPUs that plans can be made for. */
export function addDevices(program: Command): void {
  const command = program
    .command("devices")
    .summary("list the GPUs that plans can be made for, or show one")
    .description(
      "List the bundled devices; --gpu takes their names, or the path of another file. `devices new` makes one from the numbers of a data sheet.",
    )
    .addHelpText("after", EXAMPLES);
  command.argument("[name|new]", "the device to show; new: make one");
  command.argument("[name]", "of the device that is made");
  addFlags(command, LIST_FLAGS);
  addFlags(command, SHEET_FLAGS, "New:");
  command.action((shown?: string, made?: string) => {
    if (shown === "new") return make(made, readFlags(command, SHEET_FLAGS));
    if (made !== undefined) {
      return fail(badUsage("kareus devices", `shows one device, not ${made} too`, SHOWN));
    }
    return shown === undefined
      ? list(readFlags(command, LIST_FLAGS))
      : show(shown, readFlags(command, LIST_FLAGS));
  });
}

async function list({ json, compare }: Values<typeof LIST_FLAGS>): Promise<void> {
  const [{ deviceNames, loadDevice }, { comparisonTable, devicesTable }, { ratiosOf }] =
    await Promise.all([
      import("../../gpu/device.js"),
      import("../../views/devices.js"),
      import("../../gpu/from-sheet.js"),
    ]);
  const devices = deviceNames().map((name) => loadDevice(name));
  if (compare === null) {
    say(json ? `${JSON.stringify(devices, null, 2)}\n` : devicesTable(devices));
    return;
  }
  const base = loadDevice(compare);
  const rows = devices.map((each) => ({ name: each.name, ...ratiosOf(each, base) }));
  say(json ? `${JSON.stringify(rows, null, 2)}\n` : comparisonTable(rows, base.name));
}

const SHOWN = "name one, or compare: kareus devices --compare h200";

async function show(name: string, { json, compare }: Values<typeof LIST_FLAGS>): Promise<void> {
  if (compare !== null) {
    fail(flagWithoutUse("--compare", "one device is shown; without its name all are compared"));
  }
  const [{ loadDevice }, { deviceSummary }] = await Promise.all([
    import("../../gpu/device.js"),
    import("../../views/devices.js"),
  ]);
  const device = loadDevice(name, new Terminal(json).report);
  say(json ? `${JSON.stringify(device, null, 2)}\n` : deviceSummary(device));
}

async function make(name: string | undefined, flags: Values<typeof SHEET_FLAGS>): Promise<void> {
  if (name === undefined || !/^[\w.-]+$/.test(name)) {
    return fail(
      badUsage("kareus devices new", "names no device", "give a name: devices new my-gpu"),
    );
  }
  const { like, sms, clock, memory, bandwidth, bf16, fp8, fp32, fp64, link, power, source } = flags;
  const needed = { like, sms, clock, memory, bandwidth, bf16, link, power };
  const missing = Object.entries(needed).flatMap(([key, value]) =>
    value === null || value === 0 ? [NAMES[key as keyof typeof NAMES]] : [],
  );
  if (
    missing.length > 0 ||
    like === null ||
    sms === null ||
    clock === null ||
    memory === null ||
    bandwidth === null ||
    bf16 === null ||
    link === null ||
    power === null
  ) {
    return fail(missingFlags("kareus devices new", missing));
  }
  const [{ loadDevice }, { deviceFromSheet }] = await Promise.all([
    import("../../gpu/device.js"),
    import("../../gpu/from-sheet.js"),
  ]);
  const tera = (value: number | null) => (value === null ? null : value * 1e12);
  const sheet: DataSheet = {
    name,
    source,
    sm_count: sms,
    memory_bytes: memory * 1e9,
    bandwidth_bytes_per_s: bandwidth * 1e9,
    highest_clock_mhz: clock,
    power_cap_w: power,
    bfloat16_flop_per_s: bf16 * 1e12,
    float8_flop_per_s: tera(fp8),
    float32_flop_per_s: tera(fp32),
    float64_flop_per_s: tera(fp64),
    link_bytes_per_s: link * 1e9,
  };
  const content = `${JSON.stringify(deviceFromSheet(sheet, loadDevice(like)), null, 2)}\n`;
  if (flags.out === null) print(content);
  else await writeText(flags.out, content);
}

const NAMES = {
  like: "--like",
  sms: "--sms",
  clock: "--clock-mhz",
  memory: "--memory-gb",
  bandwidth: "--bandwidth-gb-s",
  bf16: "--bf16-tflops",
  link: "--link-gb-s",
  power: "--power-w",
} as const;
