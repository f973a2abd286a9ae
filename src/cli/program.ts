import { Command } from "commander";
import { addCompletion } from "./commands/completion.js";
import { addDevices } from "./commands/devices.js";
import { addDiff } from "./commands/diff.js";
import { addDoctor } from "./commands/doctor.js";
import { addExplain } from "./commands/explain.js";
import { addExport } from "./commands/export.js";
import { addInspect } from "./commands/inspect.js";
import { addOptimize } from "./commands/optimize.js";
import { addProfile } from "./commands/profile.js";
import { addReport } from "./commands/report.js";
import { addRun } from "./commands/run.js";
import { addSchema } from "./commands/schema.js";
import { addSearch } from "./commands/search.js";
import { addSelect } from "./commands/select.js";
import { addSimulate } from "./commands/simulate.js";
import { addSolve } from "./commands/solve.js";
import { addVerify } from "./commands/verify.js";
import { addConfig } from "./config.js";

const EPILOGUE = `
Exit codes: 0 done; 1 the honest answer is no; 2 bad input or usage; 3 a fault of kareus;
130 and 143 interrupted (Ctrl-C, SIGTERM), and --resume goes on.

Examples:
  $ kareus optimize llama.onnx --bind batch=8,sequence=4096 --dtype bf16 --tp 8 --pp 2
  $ kareus select llama.kareus --knee --out plan.json`;

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
  addRun(program);
  addDoctor(program);
  addSchema(program);
  addCompletion(program);
  addConfig(program);
  return program;
}
