import { Command } from "commander";
import { fail } from "../base/diagnostics/diagnostic.js";
import { commandNotBuilt } from "../base/diagnostics/usage.js";
import { addDevices } from "./commands/devices.js";
import { addDoctor } from "./commands/doctor.js";
import { addInspect } from "./commands/inspect.js";
import { addOptimize } from "./commands/optimize.js";
import { addProfile } from "./commands/profile.js";
import { addRun } from "./commands/run.js";
import { addSchema } from "./commands/schema.js";
import { addSearch } from "./commands/search.js";
import { addSelect } from "./commands/select.js";
import { addSolve } from "./commands/solve.js";

/** Promised commands; using one says that it is not built yet. */
const UNBUILT = ["verify", "explain", "report", "simulate", "diff", "export"] as const;

const EPILOGUE = `
Example:
  $ kareus optimize llama.onnx --bind batch=8,sequence=4096 --dtype bf16 --tp 8 --pp 2
  $ kareus select llama.kareus --knee --out plan.json

Not built yet: ${UNBUILT.join(", ")}.`;

/** The whole command line. It throws CommanderError instead of exiting, and prints no errors. */
export function buildProgram(version: string): Command {
  const program = new Command("kareus")
    .description("Train large models with less energy at the same speed.")
    .version(version, "--version", "print the version")
    .showSuggestionAfterError(true)
    .configureOutput({ outputError: () => undefined })
    .exitOverride()
    .addHelpText("after", EPILOGUE);
  addOptimize(program);
  addSelect(program);
  addSolve(program);
  addSearch(program);
  addInspect(program);
  addProfile(program);
  addDevices(program);
  addRun(program);
  addDoctor(program);
  addSchema(program);
  for (const name of UNBUILT) addUnbuilt(program, name);
  return program;
}

function addUnbuilt(program: Command, name: string): void {
  program
    .command(name, { hidden: true })
    .description("Not built yet.")
    .argument("[arguments...]")
    .allowUnknownOption()
    .addHelpText("after", `\nExample:\n  $ kareus ${name}   (says that it is not built yet)`)
    .action(() => fail(commandNotBuilt(name)));
}
