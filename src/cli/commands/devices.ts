import type { Command } from "commander";
import { addFlags, readFlags, toggle } from "../flags.js";

const FLAGS = { json: toggle("--json", "the list as JSON") } as const;

const EXAMPLES = `
Example:
  $ kareus devices`;

/** `kareus devices`: the GPUs that plans can be made for. */
export function addDevices(program: Command): void {
  const command = program
    .command("devices")
    .summary("list the GPUs that plans can be made for")
    .description("List the bundled devices; --gpu takes their names, or the path of another file.")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action(() => run(readFlags(command, FLAGS).json));
}

async function run(json: boolean): Promise<void> {
  const [{ deviceNames, loadDevice }, { devicesTable }] = await Promise.all([
    import("../../gpu/device.js"),
    import("../../views/devices.js"),
  ]);
  const devices = deviceNames().map((name) => loadDevice(name));
  process.stdout.write(json ? `${JSON.stringify(devices, null, 2)}\n` : devicesTable(devices));
}
