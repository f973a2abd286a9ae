import { Command } from "commander";
import { addAllocate } from "./commands/allocate.js";
import { addCompletion } from "./commands/completion.js";
import { addDemo } from "./commands/demo.js";
import { addDevices } from "./commands/devices.js";
import { addDiff } from "./commands/diff.js";
import { addDoctor } from "./commands/doctor.js";
import { addExperts } from "./commands/experts.js";
import { addExplain } from "./commands/explain.js";
import { addExport } from "./commands/export.js";
import { addInit } from "./commands/init.js";
import { addInspect } from "./commands/inspect.js";
import { addOptimize } from "./commands/optimize.js";
import { addProfile } from "./commands/profile.js";
import { addReplicas } from "./commands/replicas.js";
import { addReport } from "./commands/report.js";
import { addRun } from "./commands/run.js";
import { addSchedule } from "./commands/schedule.js";
import { addSchema } from "./commands/schema.js";
import { addSearch } from "./commands/search.js";
import { addSelect } from "./commands/select.js";
import { addSetupRuntime } from "./commands/setup-runtime.js";
import { addSimulate } from "./commands/simulate.js";
import { addSolve } from "./commands/solve.js";
import { addSweep } from "./commands/sweep.js";
import { addVerify } from "./commands/verify.js";
import { addConfig } from "./config.js";
import { addShown } from "./shown.js";

const EPILOGUE = `
Exit codes: 0 done; 1 the honest answer is no; 2 bad input or usage; 3 a fault of kareus;
130 and 143 interrupted (Ctrl-C, SIGTERM), and --resume goes on.

Examples:
  $ kareus demo
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
  addDemo(program);
  addInit(program);
  addOptimize(program);
  addSelect(program);
  addReport(program);
  addSolve(program);
  addSearch(program);
  addExplain(program);
  addDiff(program);
  addSimulate(program);
  addSchedule(program);
  addAllocate(program);
  addReplicas(program);
  addExperts(program);
  addSweep(program);
  addInspect(program);
  addVerify(program);
  addExport(program);
  addProfile(program);
  addDevices(program);
  addRun(program);
  addDoctor(program);
  addSetupRuntime(program);
  addSchema(program);
  addCompletion(program);
  addShown(program);
  addConfig(program);
  return program;
}
