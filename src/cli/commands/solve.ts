import { basename } from "node:path";
import type { Command } from "commander";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { flagWithoutUse, missingFlags, oneOf } from "../../base/diagnostics/usage.js";
import { readText, writeText } from "../../base/files.js";
import { duration } from "../../base/units.js";
import { PIPELINES } from "../../ir/choices.js";
import type { InstanceFile } from "../../plan/instance.js";
import { toggle } from "../flags/flag.js";
import { integer, quantities, quantity } from "../flags/numbers.js";
import { addFlags, readFlags, type Values } from "../flags/table.js";
import { choice, text } from "../flags/texts.js";
import { print, say } from "../terminal.js";

const FLAGS = {
  points: integer(
    "--points <n>",
    "points at most, from the fastest to the energy-optimal time, close together where the energy rises steeply (default: 1000)",
    null,
    { min: 1, max: 100_000 },
  ),
  deadline: quantities("--deadline <s>", "least energy within this time, repeatable", "seconds"),
  microbatches: integer("--microbatches <n>", "microbatches per iteration", null, {
    min: 1,
    max: 65536,
  }),
  pipeline: choice("--pipeline <schedule>", PIPELINES.join(", "), PIPELINES, null),
  chunks: integer("--chunks <n>", "model chunks per stage of a stage profile", null, {
    min: 1,
    max: 64,
  }),
  staticPower: quantity("--static-power-w <watts>", "P_static of one GPU", "watts", null),
  transfer: quantity("--transfer-s <s>", "time of each crossing between stages", "seconds", null),
  switchTime: quantity(
    "--switch-time-s <s>",
    "time that a change of the clock takes; needs freq_mhz",
    "seconds",
    null,
  ),
  writeInstance: text("--write-instance <file>", "write the instance as it is solved", null),
  timings: toggle("--timings", "print how long solving took"),
  json: toggle("--json", "the solution as JSON on stdout, diagnostics as JSON lines on stderr"),
} as const;

/** Of each stage, where a profile is not told otherwise. */
const ONE_CHUNK = 1;

const EXAMPLES = `
Takes an instance, or a stage profile as Perseus writes it: CSV with the columns
stage,instruction,frequency,time,energy in MHz, seconds and joules of one GPU. A profile needs
--microbatches and --static-power-w; in an instance, flags replace what it says.
In the solution, choice[stage] holds, for each instruction of the stage in pipeline order, the index
of its option; for a profile, options count the lines of the same stage and instruction.
With a switch time, an instruction that follows one at another clock (a stage's first follows its
last) first runs at the old clock (its own fastest option there, or at the nearest clock it has) for
the switch time, then as chosen; shorter ones share a clock that is held for ten switch times.

Examples:
  $ kareus solve instance.json --points 32 --json
  $ kareus solve instance.json --deadline 4.5 --deadline 5
  $ kareus solve profile.csv --microbatches 12 --static-power-w 83.64 --pipeline gpipe`;

/** `kareus solve`: the pipeline problem alone. */
export function addSolve(program: Command): void {
  const command = program
    .command("solve")
    .summary("solve a pipeline problem alone")
    .description(
      "Choose one option for every instruction of a pipeline: the least energy at every iteration time, with a proven bound beside it.",
    )
    .argument("<instance.json|profile.csv>", "the problem, - for standard input")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((path: string) => run(path, readFlags(command, FLAGS)));
}

async function run(path: string, flags: Values<typeof FLAGS>): Promise<void> {
  if (flags.points !== null && flags.deadline.length > 0) {
    const both = ["--points", "--deadline"];
    fail(oneOf("kareus solve", both, both));
  }
  const [{ instanceProblem, solutionOf }, { solveDeadlines }, { writeSolution }] =
    await Promise.all([
      import("../../compose/instance.js"),
      import("../../compose/solve.js"),
      import("../../plan/solution.js"),
    ]);
  const instance = await readProblem(path, flags);
  const problem = instanceProblem(instance, path);
  if (flags.writeInstance !== null) {
    const { writeInstance } = await import("../../plan/instance.js");
    await writeText(flags.writeInstance, writeInstance(instance));
  }
  const deadlines = flags.deadline.length > 0 ? flags.deadline : flags.points;
  const start_ms = performance.now();
  const solution = solutionOf(problem, solveDeadlines(problem, deadlines));
  if (flags.timings) {
    process.stderr.write(`solve: ${duration((performance.now() - start_ms) / 1e3)}\n`);
  }
  if (flags.json) {
    print(writeSolution(solution));
    return;
  }
  const { solutionSummary } = await import("../../views/solution.js");
  say(solutionSummary(instance, solution));
}

/** The instance in a file of either format, changed by what the flags say. */
async function readProblem(path: string, flags: Values<typeof FLAGS>): Promise<InstanceFile> {
  const { isStageProfile, readStageProfile } = await import("../../profile/stage-profile.js");
  const content = await readText(path);
  const { microbatches, staticPower: static_power_w, pipeline } = flags;
  const { transfer: transfer_s, switchTime: switch_time_s } = flags;
  if (!isStageProfile(content) && !/\.csv$/i.test(path)) {
    const { readInstance } = await import("../../plan/instance.js");
    const instance = readInstance(content, path);
    if (flags.chunks !== null) {
      fail(flagWithoutUse("--chunks", "an instance says itself how many options each stage has"));
    }
    const given = Object.entries({
      microbatches,
      static_power_w,
      transfer_s,
      switch_time_s,
      pipeline,
    });
    return { ...instance, ...Object.fromEntries(given.filter(([, value]) => value !== null)) };
  }
  if (microbatches === null || static_power_w === null) {
    const missing = [
      ...(microbatches === null ? ["--microbatches"] : []),
      ...(static_power_w === null ? ["--static-power-w"] : []),
    ];
    return fail(missingFlags(path, missing));
  }
  const { instanceOfProfile } = await import("../../compose/instance.js");
  const frame = {
    name: basename(path).replace(/\.csv$/i, ""),
    microbatches,
    pipeline: pipeline ?? "1f1b",
    static_power_w,
    ...(transfer_s === null ? {} : { transfer_s }),
    ...(switch_time_s === null ? {} : { switch_time_s }),
  };
  return instanceOfProfile(readStageProfile(content, path), frame, flags.chunks ?? ONE_CHUNK, path);
}
