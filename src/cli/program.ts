import { Command } from "commander";
import { fail } from "../base/diagnostics/diagnostic.js";
import { commandNotBuilt } from "../base/diagnostics/usage.js";
import { addCompletion } from "./commands/completion.js";
import { addDevices } from "./commands/devices.js";
import { addDiff } from "./commands/diff.js";
import { addExplain } from "./commands/explain.js";
import { addExport } from "./commands/export.js";
import { addInspect } from "./commands/inspect.js";
import { addOptimize } from "./commands/optimize.js";
import { addProfile } from "./commands/profile.js";
import { addReport } from "./commands/report.js";
import { addSchema } from "./commands/schema.js";
import { addSearch } from "./commands/search.js";
import { addSelect } from "./commands/select.js";
import { addSimulate } from "./commands/simulate.js";
import { addSolve } from "./commands/solve.js";
import { addVerify } from "./commands/verify.js";
import { addConfig } from "./config.js";

/** Promised commands; using one says that it is not built yet. */
const UNBUILT = ["run", "doctor"] as const;

const EPILOGUE = `
Exit codes: 0 done; 1 the honest answer is no; 2 bad input or usage; 3 a fault of kareus;
130 interrupted, and --resume goes on.

Examples:
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
  addReport(program);
  addSolve(program);
  addSearch(program);
  addExplain(program);
  addDiff(program);
  addSimulate(program);
  addInspect(program);
  addVerify(program);
  addExport(program);
  addProfile(program);
  addDevices(program);
  addSchema(program);
  addCompletion(program);
  addConfig(program);
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
